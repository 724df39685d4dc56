"""Every backend gives the same answers, or nothing is timed."""
