"""A file of results turned into figures, verdicts, warnings and findings. Pure: no clock, no server."""
