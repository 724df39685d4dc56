"""A drop-in Session that refuses a second user before it is touched."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session, SessionTransaction

from session_guard import actors, blocks, endings, subclasses
from session_guard.session_ownership import SessionOwnership
from session_guard.subclasses import guarded
from session_guard.violation import SharedSessionError

_METHODS = (
    *("add", "add_all", "begin", "begin_nested", "commit", "connection", "delete"),
    *("execute", "expire", "expire_all", "expunge", "expunge_all", "flush", "get", "get_one"),
    *("merge", "prepare", "refresh", "scalar", "scalars"),
    *("bulk_insert_mappings", "bulk_save_objects", "bulk_update_mappings"),
    *("delete_all", "merge_all"),  # since SQLAlchemy 2.1
)
"""What reads or changes a session's state, its transaction or its rows."""


class GuardedSession(Session):
    """A Session for one task, or thread, at a time: SharedSessionError for a second.

    What `sync_session_class=` takes, or `class_=` of a sessionmaker::

        maker = async_sessionmaker(engine, sync_session_class=GuardedSession)

    The sync class, since lazy loads, `refresh`, `awaitable_attrs` and `run_sync` go past the
    methods of AsyncSession. `strict`: even an idle session may not change hands. It may be mixed
    with another session class, in either order.
    """

    ownership: SessionOwnership
    connections_in_use: tuple[Connection, ...] = ()
    adopted = False  # guarded since its first transaction, not from the start

    def __init__(self, *args: Any, strict: bool = False, **kwargs: Any) -> None:
        self.ownership = SessionOwnership(
            "session", strict=strict, maker=actors.current(), made=blocks.made_here(2)
        )
        super().__init__(*args, **kwargs)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, method in subclasses.unguarded_methods(cls, GuardedSession).items():
            setattr(cls, name, _ENDINGS.get(name, guarded)(method))

    @property
    @contextmanager
    def no_autoflush(self) -> Iterator["GuardedSession"]:
        """Disable autoflush, as Session's does, and keep other tasks out of the session."""
        ownership, autoflush = self.ownership, self.autoflush
        ownership.check("no_autoflush", self)
        ownership.blocks += 1
        ownership.on_revoke = lambda: setattr(self, "autoflush", autoflush)
        self.autoflush = False
        try:
            yield self
        finally:
            self.autoflush = autoflush
            ownership.blocks -= 1


def _ending(method: Callable[..., Any]) -> Callable[..., Any]:
    """Guard a close or rollback, which cleans up: it never replaces the first error."""
    name = method.__name__

    @wraps(method)
    def call(self: GuardedSession, *args: Any, **kwargs: Any) -> Any:
        ownership = self.ownership
        try:
            entered = ownership.enter(name, self)
        except SharedSessionError as error:
            end = lambda: method(self, *args, **kwargs)  # noqa: E731
            endings.after_refusal(self, end, name, error)
            return None
        if not entered:
            return method(self, *args, **kwargs)
        try:
            return method(self, *args, **kwargs)
        finally:
            ownership.leave()

    return call


def _closing(method: Callable[..., Any]) -> Callable[..., Any]:
    """Guard a close, after which the session is nobody's."""
    end = _ending(method)

    @wraps(method)
    def call(self: GuardedSession, *args: Any, **kwargs: Any) -> Any:
        ended = end(self, *args, **kwargs)
        if closed := blocks.closed_by_maker(self.ownership.made):
            self.ownership.was_closed(closed)
        return ended

    return call


_ENDINGS = {
    "close": _closing,
    "invalidate": _ending,
    "reset": _ending,
    "rollback": _ending,
}

for _name in _METHODS:
    if hasattr(Session, _name):
        setattr(GuardedSession, _name, guarded(getattr(Session, _name)))
for _name, _guard in _ENDINGS.items():
    setattr(GuardedSession, _name, _guard(getattr(Session, _name)))


_guarded_classes: dict[type, type[GuardedSession]] = {Session: GuardedSession}


def guarded_class(session_class: type[Session]) -> type[GuardedSession]:
    """Return a guarded subclass of an application's own session class; itself where it is one."""
    if issubclass(session_class, GuardedSession):
        return session_class
    if session_class not in _guarded_classes:
        made = type(f"Guarded{session_class.__name__}", (session_class, GuardedSession), {})
        # One step: another thread may have made it meanwhile.
        _guarded_classes.setdefault(session_class, made)
    return _guarded_classes[session_class]


class GuardedTransaction(SessionTransaction):
    """A transaction of a GuardedSession's, whose methods ask the session's guard as well."""

    session: GuardedSession

    def commit(self, *args: Any, **kwargs: Any) -> None:
        ownership = self.session.ownership
        entered = ownership.enter("commit", self.session)
        try:
            super().commit(*args, **kwargs)
        finally:
            if entered:
                ownership.leave()

    def rollback(self, *args: Any, **kwargs: Any) -> None:
        _end(self, "rollback", SessionTransaction.rollback, args, kwargs)

    def close(self, *args: Any, **kwargs: Any) -> None:
        _end(self, "close", SessionTransaction.close, args, kwargs)


def _end(
    transaction: GuardedTransaction,
    name: str,
    method: Callable[..., None],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    ownership = transaction.session.ownership
    try:
        entered = ownership.enter(name, transaction.session)
    except SharedSessionError as error:
        end = lambda: method(transaction, *args, **kwargs)  # noqa: E731
        endings.after_refusal(transaction.session, end, name, error)
        return
    try:
        method(transaction, *args, **kwargs)
    finally:
        if entered:
            ownership.leave()


# To set a mapped attribute begins a transaction, and what is put into an instance's relationship is
# added by a cascade.


def _begun(session: GuardedSession, transaction: SessionTransaction) -> None:
    transaction.__class__ = GuardedTransaction
    if session.ownership.runner is None and transaction.parent is None:
        session.ownership.begun()


def _attaches(session: GuardedSession, _: object) -> None:
    session.ownership.check("add", session)


def _commits(session: GuardedSession) -> None:
    session.ownership.check("commit", session)


def _ended(session: GuardedSession, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.ownership.ended("rollback or close")
        if session.connections_in_use:
            session.connections_in_use = ()


def _connected(session: GuardedSession, _: SessionTransaction, connection: Connection) -> None:
    session.connections_in_use += (connection,)


LISTENERS: dict[str, Callable[..., None]] = {
    "after_transaction_create": _begun,
    "before_attach": _attaches,
    "before_commit": _commits,
    "after_transaction_end": _ended,
}
"""Event -> what hears of it, for a session that is guarded."""

for _name, _listener in LISTENERS.items():
    event.listen(GuardedSession, _name, _listener)

CONNECTION_LISTENERS: dict[str, Callable[..., None]] = {"after_begin": _connected}
"""The same, once an engine is guarded: only its connections have to be known, and hearing costs."""


def know_connections() -> None:
    """From now on, guarded sessions know what connections they use."""
    for name, listener in CONNECTION_LISTENERS.items():
        if not event.contains(GuardedSession, name, listener):
            event.listen(GuardedSession, name, listener)
