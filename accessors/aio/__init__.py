"""The async twins."""
