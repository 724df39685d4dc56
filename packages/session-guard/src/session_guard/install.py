"""Guard every Session there is, of whatever class, with no change to the application.

SQLAlchemy has no event for a new session, but one for the first transaction of each. There it is
made one of a guarded subclass of its own class: what comes next is seen whole.
"""

from collections.abc import Callable
from typing import Any, cast
from weakref import WeakSet

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapper, Session

from session_guard.engine import guard_engine, is_guarded_engine, unguard_engine
from session_guard.instances import changed, guard_mapper, unguard_mapper
from session_guard.session import CONNECTION_LISTENERS, LISTENERS, GuardedSession, guarded_class
from session_guard.session_ownership import SessionOwnership


def guard_everything() -> None:
    """Every session and engine of this process, and every mapped class, present and future.

    Twice is once. Not those classes whose mappers have been configured already, as the first query
    or instance does: SQLAlchemy tells of each mapper once. `guard_instances` takes them by name.
    """
    global _engines
    if not is_installed():
        if not is_guarded_engine(Engine):
            guard_engine(Engine)
            _engines = True
        for name, listener in _LISTENERS.items():
            event.listen(Session, name, listener)
        _guard_async_sessions()
        event.listen(Mapper, "mapper_configured", _configured)


def unguard_everything() -> None:
    """Take it back, for what has not begun a transaction yet.

    What the application asked for itself, of `guard_engine` and `guard_instances`, stays.
    """
    global _engines
    if is_installed():
        if _engines:
            unguard_engine(Engine)
            _engines = False
        for name, listener in _LISTENERS.items():
            event.remove(Session, name, listener)
        while _defaults:
            async_class, sync_class = _defaults.popitem()
            async_class.sync_session_class = sync_class
        event.remove(Mapper, "mapper_configured", _configured)
        while _mappers:
            unguard_mapper(_mappers.pop(), _changed)


_engines = False
"""Whether it is we who guard the class `Engine`."""

_defaults: dict[type[AsyncSession], type[Session]] = {}
"""Async session class -> the sync class that it used before a guarded one was named."""

_mappers: WeakSet[Mapper[Any]] = WeakSet()
"""Whose attributes are listened to."""


def is_installed() -> bool:
    return event.contains(Mapper, "mapper_configured", _configured)


def _guard_async_sessions() -> None:
    """Have async sessions made of guarded ones, so that who makes a session is known.

    By the attribute that SQLAlchemy has for it. A class that is defined later and sets its own is
    guarded from its first transaction on.
    """
    classes: list[type[AsyncSession]] = [AsyncSession]
    while classes:
        async_class = classes.pop()
        classes += async_class.__subclasses__()
        own: type[Session] | None = vars(async_class).get("sync_session_class")
        # It may also be a function that makes a session.
        if isinstance(own, type) and not issubclass(own, GuardedSession):
            _defaults[async_class] = own
            async_class.sync_session_class = guarded_class(own)


def _configured(mapper: Mapper[Any], _: type) -> None:
    _listen(mapper)
    # A backref has just made an attribute on the other side, which may have been told of before.
    for relationship in mapper.relationships:
        for other in relationship.mapper.self_and_descendants:
            if other.configured:
                _listen(other)


def _listen(mapper: Mapper[Any]) -> None:
    guard_mapper(mapper, _changed)
    _mappers.add(mapper)


def _changed(instance: object, *_: Any) -> None:
    # Not `changed` itself: what the application asked of `guard_instances` is not ours to end.
    changed(instance)


def _adopted(session: Session) -> GuardedSession:
    """Make it one of a guarded subclass of its own class, if it is not.

    Each step may be done twice, or by two at once: a garbage collection in between may run other
    tasks. Its class comes last: whoever finds it guarded finds all that a guard needs.
    """
    if not isinstance(session, GuardedSession):
        attributes = vars(session)
        attributes.setdefault("ownership", SessionOwnership())
        attributes["adopted"] = True
        session.__class__ = guarded_class(type(session))
    return cast(GuardedSession, session)


def _listening(hear: Callable[..., None]) -> Callable[..., None]:
    # One that was guarded from the start hears for itself. One that was adopted does not: a
    # session's events are those of the class that it was made of.
    def listener(session: Session, *arguments: Any) -> None:
        if _adopted(session).adopted:
            hear(session, *arguments)

    return listener


_LISTENERS = {name: _listening(hear) for name, hear in (LISTENERS | CONNECTION_LISTENERS).items()}
