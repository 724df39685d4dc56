"""The PostgreSQL server: the embedded one, or another that a URL names."""
