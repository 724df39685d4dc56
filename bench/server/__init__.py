"""The embedded PostgreSQL, or another that a URL names."""
