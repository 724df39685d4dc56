"""A drop-in Session that refuses a second user before it is touched."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE
from sys import _getframe
from threading import Thread, get_ident
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlalchemy.orm import Session, SessionTransaction, SessionTransactionOrigin

from session_guard import blocks, endings, subclasses
from session_guard.acting import CLOSES_SESSION
from session_guard.actors import current, task_of
from session_guard.blocks import LEFT
from session_guard.session_ownership import SessionOwnership
from session_guard.subclasses import guarded
from session_guard.task_tree import known_lineage
from session_guard.transaction import guarded_transaction
from session_guard.violation import SharedSessionError
from session_guard.where import is_users_file

_ASYNC = CO_COROUTINE | CO_ASYNC_GENERATOR
_CALL_OF_ASYNC_MAKER = async_sessionmaker.__call__.__code__
_METHODS = (
    *("add", "add_all", "commit", "connection", "delete"),
    *("execute", "expire", "expire_all", "expunge", "expunge_all", "flush", "get", "get_one"),
    *("merge", "prepare", "refresh", "scalar", "scalars"),
    *("bulk_insert_mappings", "bulk_save_objects", "bulk_update_mappings"),
    *("delete_all", "merge_all"),  # since SQLAlchemy 2.1
)
"""The methods that read or change a session's state, its transaction or its rows."""


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
        made: blocks.Made = ()
        try:
            if _getframe(2).f_code is _CALL_OF_ASYNC_MAKER:
                # The usual way, written out: a coroutine calls an async_sessionmaker.
                user = _getframe(3)
                code = user.f_code
                if code.co_flags & _ASYNC and is_users_file(code.co_filename):
                    made = ((code, user.f_lasti),)
        except ValueError:  # there are no more frames
            pass
        self.ownership = SessionOwnership(strict, made or blocks.made_here())
        super().__init__(*args, **kwargs)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, method in subclasses.unguarded_methods(cls, GuardedSession).items():
            setattr(cls, name, _GUARDS.get(name, guarded)(method))

    def get_transaction(self) -> SessionTransaction | None:
        return guarded_transaction(super().get_transaction())

    def get_nested_transaction(self) -> SessionTransaction | None:
        return guarded_transaction(super().get_nested_transaction())

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
            endings.after_refusal(self, partial(method, self, *args, **kwargs), name, error)
            return None
        try:
            return method(self, *args, **kwargs)
        finally:
            if entered:
                ownership.leave()

    return call


def _closing(method: Callable[..., Any]) -> Callable[..., Any]:
    """Guard a close, and note whether it ends the session for the function that made it."""
    name = method.__name__

    @wraps(method)
    def call(self: GuardedSession) -> Any:
        ownership = self.ownership
        # Ownership.enter and leave, written out for the task in which SQLAlchemy closes a session
        # at the end of an `async with`, and which is a new child of the session's user.
        loop = ownership.loop
        me = (get_ident() == loop._thread_id and task_of(loop)) or current()
        coroutine = None if isinstance(me, Thread) else me.get_coro()
        at_end = getattr(coroutine, "cr_code", None) is CLOSES_SESSION
        lineage = known_lineage()
        user = lineage[-1]() if lineage else None
        if ownership.runner is None and at_end and user is ownership.user is not None:
            ownership.runner = me
            ownership.operation = name
        else:
            try:
                entered = ownership.enter_as(me, name, self)
            except SharedSessionError as error:
                endings.after_refusal(self, partial(method, self), name, error)
                return None
            if not entered:
                return method(self)
        try:
            return method(self)
        finally:
            made = ownership.made
            if made and (end := LEFT if at_end else blocks.end_of(made, me)):
                ownership.end, ownership.user = end, None
            if ownership.pending is None:
                ownership.runner = None
            else:
                ownership.finish()

    return call


def _handing_out(method: Callable[..., Any]) -> Callable[..., Any]:
    """Guard a method that returns a transaction, and what it returns."""
    call = guarded(method)

    @wraps(method)
    def hand_out(self: GuardedSession, *args: Any, **kwargs: Any) -> Any:
        return guarded_transaction(call(self, *args, **kwargs))

    return hand_out


_GUARDS: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "begin": _handing_out,
    "begin_nested": _handing_out,
    "close": _closing,
    "invalidate": _ending,
    "reset": _ending,
    "rollback": _ending,
}
"""The methods that need more than to be refused to whom the session is not."""

for _name in _METHODS:
    if hasattr(Session, _name):
        setattr(GuardedSession, _name, guarded(getattr(Session, _name)))
for _name, _guard in _GUARDS.items():
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


# To set a mapped attribute begins a transaction, and what is put into an instance's relationship is
# added by a cascade.


_SUBTRANSACTION = SessionTransactionOrigin.SUBTRANSACTION


def _begun(session: GuardedSession, transaction: SessionTransaction) -> None:
    if session.ownership.runner is None and transaction.parent is None:
        session.ownership.begun()


def _attaches(session: GuardedSession, _: object) -> None:
    session.ownership.check("add", session)


def _commits(session: GuardedSession) -> None:
    session.ownership.check("commit", session)


def _ended(session: GuardedSession, transaction: SessionTransaction) -> None:
    if transaction.nested or transaction.origin is _SUBTRANSACTION:
        return
    ownership = session.ownership
    runner, loop = ownership.runner, ownership.loop
    if runner is not None and runner is (
        (get_ident() == loop._thread_id and task_of(loop)) or current()
    ):
        ownership.others = ()
    else:
        ownership.ended("rollback or close")
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
