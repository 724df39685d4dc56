"""The operating system: signals, and the folder that holds the project's own files."""
