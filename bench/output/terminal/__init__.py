"""Output in the terminal: the progress of a measurement, and the tables at the end."""
