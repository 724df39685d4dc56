"""One session per task, for any SQLAlchemy application: found before harm is done.

Needs SQLAlchemy, and nothing else; and that only when one of these names is asked for, so that
the pytest plugin, which is always loaded, costs nothing where it is not used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from session_guard.engine import guard_engine
    from session_guard.handover import hand_over
    from session_guard.instances import guard_instances
    from session_guard.session import GuardedSession
    from session_guard.violation import SharedSessionError, Violation
    from session_guard.violation_log import violations

__all__ = [
    "GuardedSession",
    "SharedSessionError",
    "Violation",
    "guard_engine",
    "guard_instances",
    "hand_over",
    "violations",
]

_HOMES = {
    "GuardedSession": "session",
    "SharedSessionError": "violation",
    "Violation": "violation",
    "guard_engine": "engine",
    "guard_instances": "instances",
    "hand_over": "handover",
    "violations": "violation_log",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'session_guard' has no attribute {name!r}")
    return getattr(import_module(f"session_guard.{_HOMES[name]}"), name)
