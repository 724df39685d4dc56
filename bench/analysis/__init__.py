"""Results turned into figures, verdicts, warnings and findings. Pure: no clock, no server."""
