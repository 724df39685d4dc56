"""The lint: it finds sessions that several tasks share, and engines and sessions that live
too long or too short.

It reads source code, and needs only the standard library. `check_paths` examines files and folders,
`check` examines one text.
"""

from session_guard.lint.examination import check, check_paths
from session_guard.lint.rules import RULES, Finding, Rule

__all__ = ["RULES", "Finding", "Rule", "check", "check_paths"]
