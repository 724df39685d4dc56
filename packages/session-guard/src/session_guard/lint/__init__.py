"""The lint: finds sessions that several tasks share, and engines and sessions that live wrongly.

It reads source code, and needs the standard library alone. `check_paths` examines files and
folders, `check` one text.
"""

from session_guard.lint.examination import check, check_paths
from session_guard.lint.rules import RULES, Finding, Rule

__all__ = ["RULES", "Finding", "Rule", "check", "check_paths"]
