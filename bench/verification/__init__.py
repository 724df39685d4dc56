"""The verification: nothing is timed unless every backend gives the same answers."""
