"""A drop-in Session that refuses a second user before it is touched."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session, SessionTransaction

from session_guard.ownership import Ownership

_METHODS = (
    *("add", "add_all", "begin", "begin_nested", "close", "commit", "connection", "delete"),
    *("execute", "expire", "expire_all", "expunge", "expunge_all", "flush", "get", "get_one"),
    *("invalidate", "merge", "prepare", "refresh", "reset", "rollback", "scalar", "scalars"),
    *("bulk_insert_mappings", "bulk_save_objects", "bulk_update_mappings"),
    *("delete_all", "merge_all"),  # since SQLAlchemy 2.1
)
"""What reads or changes a session's state, its transaction or its rows."""


class GuardedSession(Session):
    """A Session for one task, or thread, at a time: SharedSessionError for a second.

    What `sync_session_class=` takes, or `class_=` of a sessionmaker::

        maker = async_sessionmaker(engine, sync_session_class=GuardedSession)

    The sync class, since lazy loads, `refresh`, `awaitable_attrs` and `run_sync` go past the
    methods of AsyncSession. `strict`: even an idle session may not change hands.
    """

    ownership: Ownership
    connections_in_use: tuple[Connection, ...] = ()
    adopted = False  # guarded since its first transaction, not from the start

    def __init__(self, *args: Any, strict: bool = False, **kwargs: Any) -> None:
        self.ownership = Ownership("session", strict=strict)
        super().__init__(*args, **kwargs)


def _guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    name = method.__name__

    @wraps(method)
    def call(self: GuardedSession, *args: Any, **kwargs: Any) -> Any:
        ownership = self.ownership
        if not ownership.enter(name, self):
            return method(self, *args, **kwargs)
        try:
            return method(self, *args, **kwargs)
        finally:
            ownership.runner = None  # as `leave` does, without a call

    return call


def _guarded_methods(session_class: type[Session]) -> dict[str, Callable[..., Any]]:
    methods = ((name, getattr(session_class, name, None)) for name in _METHODS)
    return {name: _guarded(method) for name, method in methods if method}


for _name, _method in _guarded_methods(Session).items():
    setattr(GuardedSession, _name, _method)


_guarded_classes: dict[type, type[GuardedSession]] = {Session: GuardedSession}


def guarded_class(session_class: type[Session]) -> type[GuardedSession]:
    """A guarded subclass of an application's own session class."""
    if session_class not in _guarded_classes:
        name, bases = f"Guarded{session_class.__name__}", (session_class, GuardedSession)
        _guarded_classes[session_class] = type(name, bases, _guarded_methods(session_class))
    return _guarded_classes[session_class]


# A transaction object has methods of its own, to set a mapped attribute begins a transaction, and
# what is put into an instance's relationship is added by a cascade.


def _begun(session: GuardedSession, transaction: SessionTransaction) -> None:
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
