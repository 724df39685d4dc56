"""The guard of every Session of the process, of any class, without a change to the application.

SQLAlchemy has no event for a new session, but it has one for the first transaction of each session.
There the session gets a guarded subclass of its own class, so that the guard sees every later call.
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
    """Guard every session, engine and mapped class of this process, present and future.

    A second call has no effect. Mapped classes whose mappers are configured already are left out:
    SQLAlchemy has one event per mapper, at the first query or instance. Guard these classes with
    `guard_instances`.
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
    """Undo `guard_everything` for sessions that have not begun a transaction yet.

    Engines and classes that the application itself has guarded, with `guard_engine` and
    `guard_instances`, stay guarded.
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
"""True if `guard_everything` has guarded the class `Engine`, and not the application."""

_defaults: dict[type[AsyncSession], type[Session]] = {}
"""Async session class -> the sync class that it used before a guarded one was named."""

_mappers: WeakSet[Mapper[Any]] = WeakSet()
"""The mappers whose attributes have our listeners."""


def is_installed() -> bool:
    return event.contains(Mapper, "mapper_configured", _configured)


def _guard_async_sessions() -> None:
    """Let async sessions use guarded sync sessions, so that the maker of a session is known.

    SQLAlchemy has the attribute `sync_session_class` for it. A class that is defined later and sets
    its own is guarded from its first transaction on.
    """
    classes: list[type[AsyncSession]] = [AsyncSession]
    while classes:
        async_class = classes.pop()
        classes += async_class.__subclasses__()
        sync_class: type[Session] | None = vars(async_class).get("sync_session_class")
        # It may also be a function that makes a session.
        if isinstance(sync_class, type) and not issubclass(sync_class, GuardedSession):
            _defaults[async_class] = sync_class
            async_class.sync_session_class = guarded_class(sync_class)


def _configured(mapper: Mapper[Any], _: type) -> None:
    _listen(mapper)
    # A backref has just made an attribute on the other class, whose event may have been earlier.
    for relationship in mapper.relationships:
        for other in relationship.mapper.self_and_descendants:
            if other.configured:
                _listen(other)


def _listen(mapper: Mapper[Any]) -> None:
    guard_mapper(mapper, _changed)
    _mappers.add(mapper)


def _changed(instance: object, *_: Any) -> None:
    # Not `changed` itself, which is the listener of `guard_instances`: to remove ours must not
    # remove the application's.
    changed(instance)


def _adopted(session: Session) -> GuardedSession:
    """Give the session a guarded subclass of its own class, if it has none.

    Each step may run twice, or in two tasks at once, because a garbage collection in between may
    run other tasks. The class is set last, so that a session of a guarded class always has the
    attributes that the guard needs.
    """
    if not isinstance(session, GuardedSession):
        attributes = vars(session)
        attributes.setdefault("ownership", SessionOwnership())
        attributes["adopted"] = True
        session.__class__ = guarded_class(type(session))
    return cast(GuardedSession, session)


def _listening(listen: Callable[..., None]) -> Callable[..., None]:
    # A session that was guarded from the start has listeners of its own. An adopted one has not:
    # SQLAlchemy's events are those of the class with which the session was made.
    def listener(session: Session, *arguments: Any) -> None:
        if _adopted(session).adopted:
            listen(session, *arguments)

    return listener


_LISTENERS = {
    name: _listening(listen) for name, listen in (LISTENERS | CONNECTION_LISTENERS).items()
}
