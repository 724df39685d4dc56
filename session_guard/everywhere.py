"""Guard every Session there is, of whatever class, with no change to the application.

SQLAlchemy has no event for a new session, but one for the first transaction of each. There it is
made one of a guarded subclass of its own class: what comes next is seen whole.
"""

from collections.abc import Callable
from typing import Any, cast

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from session_guard.custody import Custody
from session_guard.engine import guard_engine, is_guarded, unguard_engine
from session_guard.session import LISTENERS, GuardedSession, guarded_class


def guard_everything() -> None:
    """Every session and every engine of this process, present and future. Twice is once."""
    if not is_guarded(Engine):
        guard_engine(Engine)
        for name, listener in _LISTENERS.items():
            event.listen(Session, name, listener)


def unguard_everything() -> None:
    """Take it back, for what has not begun a transaction yet."""
    if is_guarded(Engine):
        unguard_engine(Engine)
        for name, listener in _LISTENERS.items():
            event.remove(Session, name, listener)


def _adopted(session: Session) -> GuardedSession:
    if not isinstance(session, GuardedSession):
        session.__class__ = guarded_class(type(session))
        guarded = cast(GuardedSession, session)
        guarded.custody = Custody("session")
        guarded.adopted = True
    return cast(GuardedSession, session)


def _listening(hear: Callable[..., None]) -> Callable[..., None]:
    # One that was guarded from the start hears for itself. One that was adopted does not: a
    # session's events are those of the class that it was made of.
    def listener(session: Session, *arguments: Any) -> None:
        if _adopted(session).adopted:
            hear(session, *arguments)

    return listener


_LISTENERS = {name: _listening(hear) for name, hear in LISTENERS.items()}
