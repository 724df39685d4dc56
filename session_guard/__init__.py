"""One session per task, for any SQLAlchemy application: found before harm is done.

Needs SQLAlchemy, and nothing else.
"""

from session_guard.engine import guard_engine
from session_guard.ledger import violations
from session_guard.passing import hand_over
from session_guard.session import GuardedSession
from session_guard.violation import SharedSessionError, Violation

__all__ = [
    "GuardedSession",
    "SharedSessionError",
    "Violation",
    "guard_engine",
    "hand_over",
    "violations",
]
