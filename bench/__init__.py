"""What is asked of PostgreSQL, how often, how it is timed, kept and shown."""
