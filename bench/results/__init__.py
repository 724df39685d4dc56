"""The file that lies between measuring and rendering, and what is in it."""
