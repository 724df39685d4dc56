"""Checks at start-up that the guard is on: a framework may have replaced the session class."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
)
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from session_guard.engine import is_guarded_engine, ownership_of
from session_guard.install import is_installed
from session_guard.session import GuardedSession

_SCOPED = scoped_session, async_scoped_session
_MAKERS = sessionmaker, async_sessionmaker


class NotGuardedError(RuntimeError):
    """`require()` was called with a session or engine that is not guarded."""


def is_guarded(subject: Any) -> bool:
    """Return whether a session, an engine or a connection is guarded.

    A sessionmaker, or a function that returns a session, is called, and the new session is checked,
    because a framework may override the arguments of the maker. No connection is opened. Raises
    TypeError for anything else.
    """
    if isinstance(subject, _SCOPED):
        subject = subject.session_factory
    if isinstance(subject, AsyncSession):
        subject = subject.sync_session
    if isinstance(subject, Session):
        return isinstance(subject, GuardedSession) or is_installed()
    if isinstance(subject, type) and issubclass(subject, Session):
        return issubclass(subject, GuardedSession) or is_installed()
    if isinstance(subject, AsyncEngine):
        subject = subject.sync_engine
    if isinstance(subject, Engine) or subject is Engine:
        return is_guarded_engine(subject) or is_guarded_engine(Engine)
    if isinstance(subject, AsyncConnection):
        subject = subject.sync_connection
    if isinstance(subject, Connection):
        return ownership_of(subject) is not None
    if isinstance(subject, _MAKERS) or (callable(subject) and not isinstance(subject, type)):
        return is_guarded(_made_by(subject))
    raise TypeError(f"not a session, not a maker of sessions, and not an engine: {subject!r}")


def require(*subjects: Any) -> None:
    """Raise NotGuardedError, which says what to change, unless all subjects are guarded.

    A subject is any argument of `is_guarded`. Call it at start-up, with the sessionmaker that the
    application really uses::

        session_guard.require(config.create_session_maker())
    """
    for subject in subjects:
        if not is_guarded(subject):
            raise NotGuardedError(f"{_described(subject)} is not guarded.\n{_cure(subject)}")


def _made_by(maker: Callable[[], Any]) -> Any:
    made = maker()
    if not isinstance(made, Session | AsyncSession | scoped_session | async_scoped_session):
        raise TypeError(f"{maker!r} must return a session, but returned {made!r}")
    return made


def _described(subject: Any) -> str:
    if isinstance(subject, Engine | AsyncEngine):
        return f"the engine {subject.url.render_as_string(hide_password=True)}"
    if isinstance(subject, AsyncSession):
        return f"a session of {_name(type(subject.sync_session))}"
    if isinstance(subject, Session):
        return f"a session of {_name(type(subject))}"
    if isinstance(subject, type):
        return _name(subject)
    if callable(subject) and not isinstance(subject, _SCOPED):
        return f"the session that {getattr(subject, '__qualname__', type(subject).__name__)} makes"
    return repr(subject)


def _name(session_class: type) -> str:
    base = session_class
    while base.__module__ == "sqlalchemy.orm.session" and base is not Session:
        base = base.__bases__[0]  # a sessionmaker makes a class of its own
    return f"{base.__module__}.{base.__qualname__}"


def _cure(subject: Any) -> str:
    if isinstance(subject, Engine | AsyncEngine | Connection | AsyncConnection):
        return "Cure: session_guard.guard_engine(engine), where the engine is made."
    return (
        "Cure: name it where sessions are made, async_sessionmaker(..., "
        "sync_session_class=GuardedSession) or sessionmaker(..., class_=GuardedSession). Where a "
        "framework sets the class, call session_guard.guard_everything() before sessions are made."
    )
