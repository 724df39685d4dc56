"""One session per task, for any SQLAlchemy application: found before harm is done.

Needs SQLAlchemy, and nothing else; and that only when one of these names is asked for, so that
the pytest plugin, which is always loaded, costs nothing where it is not used.
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
"""Modules by the names that they had: what was imported from this package still is."""


def __getattr__(name: str) -> Any:
    if name in _OLD_MODULES:
        message = f"session_guard.{name} is session_guard.{_OLD_MODULES[name]} now"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return import_module(f"session_guard.{_OLD_MODULES[name]}")
    if name not in _HOMES:
        raise AttributeError(f"module 'session_guard' has no attribute {name!r}")
    return getattr(import_module(f"session_guard.{_HOMES[name]}"), name)
