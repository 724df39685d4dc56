"""Lessons that run: each breaks a rule for real, beside what keeps it, and says what came of it."""
