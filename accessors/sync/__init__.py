"""The sync twins."""
