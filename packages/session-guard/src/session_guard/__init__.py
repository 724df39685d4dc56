"""A guard for SQLAlchemy sessions: it refuses a session that two tasks share before it does harm.

It needs only SQLAlchemy. A name of this package imports its module, and SQLAlchemy, at the first
use of the name. So the pytest plugin, which pytest always loads, costs nothing where it is not
used.
"""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from session_guard.checks import NotGuardedError, is_guarded, require
    from session_guard.engine import guard_engine
    from session_guard.handover import hand_over
    from session_guard.install import guard_everything
    from session_guard.instances import guard_instances
    from session_guard.session import GuardedSession
    from session_guard.violation import SharedSessionError, Violation
    from session_guard.violation_log import violations

__all__ = [
    "GuardedSession",
    "NotGuardedError",
    "SharedSessionError",
    "Violation",
    "guard_engine",
    "guard_everything",
    "guard_instances",
    "hand_over",
    "is_guarded",
    "require",
    "violations",
]

_HOMES = {
    "GuardedSession": "session",
    "NotGuardedError": "checks",
    "SharedSessionError": "violation",
    "Violation": "violation",
    "guard_engine": "engine",
    "guard_everything": "install",
    "guard_instances": "instances",
    "hand_over": "handover",
    "is_guarded": "checks",
    "require": "checks",
    "violations": "violation_log",
}


_OLD_MODULES = {
    "custody": "ownership",
    "everywhere": "install",
    "ledger": "violation_log",
    "passing": "handover",
    "who": "actors",
}
"""Former name of a module -> its name now. Imports by the former names still work, and warn."""


def __getattr__(name: str) -> Any:
    if name in _OLD_MODULES:
        message = f"session_guard.{name} is now called session_guard.{_OLD_MODULES[name]}"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return import_module(f"session_guard.{_OLD_MODULES[name]}")
    if name not in _HOMES:
        raise AttributeError(f"module 'session_guard' has no attribute {name!r}")
    return getattr(import_module(f"session_guard.{_HOMES[name]}"), name)
