"""Lessons that run: each breaks a rule, keeps it in the same place, and reports the outcomes."""
