"""The dataset in the database: schema, generation, loading, fingerprint and lock."""
