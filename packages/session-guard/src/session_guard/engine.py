"""A net below every session: it sees what reaches a connection, and raises the alarm.

It cannot protect as GuardedSession does. A statement is refused in time; but by the time that an
engine hears of a COMMIT or ROLLBACK, SQLAlchemy has ended the owner's transaction on its side.
"""

import sys
from collections.abc import Callable
from functools import wraps
from logging import getLogger
from types import FrameType
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine

from session_guard import actors, endings
from session_guard.ownership import Ownership, Transactional
from session_guard.session import know_connections
from session_guard.violation import SharedSessionError


class ConnectionOwnership(Ownership):
    """Decides who may use one connection, from its checkout to its return."""

    __slots__ = ("cursor",)
    shared = "connection"

    def __init__(self, strict: bool = False) -> None:
        super().__init__(strict)
        self.cursor: Any = None
        """The cursor of the statement in flight, or of the last one."""

    def _at_stake(self, resource: Transactional) -> bool:
        # With autocommit a Connection is "in a transaction" that the server knows nothing of.
        assert isinstance(resource, Connection)
        dbapi_connection = resource.connection.dbapi_connection
        return resource.in_transaction() and not getattr(dbapi_connection, "autocommit", False)


def guard_engine(engine: Engine | AsyncEngine | type[Engine], *, strict: bool = False) -> None:
    """Raise SharedSessionError when a second task or thread uses a connection of the engine's.

    The class `Engine` itself stands for every engine there is, and will be. Twice is once.
    `strict`: even an idle connection may not change hands before it is returned to the pool.
    """
    target = engine.sync_engine if isinstance(engine, AsyncEngine) else engine
    know_connections()
    if not is_guarded_engine(target):
        event.listen(target, "engine_connect", _connected_strict if strict else _connected)
        for name, listener in _LISTENERS.items():
            event.listen(target, name, listener)


def is_guarded_engine(engine: Engine | type[Engine]) -> bool:
    """Return whether the engine is guarded by name; for the class, whether all engines are."""
    return event.contains(engine, "commit", _LISTENERS["commit"])


def unguard_engine(engine: Engine | type[Engine], *, strict: bool = False) -> None:
    """Take back a `guard_engine`, `strict` as it was."""
    event.remove(engine, "engine_connect", _connected_strict if strict else _connected)
    for name, listener in _LISTENERS.items():
        event.remove(engine, name, listener)


def ownership_of(connection: Connection) -> ConnectionOwnership | None:
    """Return None where there is nothing to guard: closed, lost, or not of a guarded engine.

    So it is with the connection that SQLAlchemy makes for a dialect's first questions.
    """
    if connection.closed or connection.invalidated:
        return None
    ownership: ConnectionOwnership | None = getattr(connection, _OWNERSHIP, None)
    return ownership


_OWNERSHIP = "_session_guard_ownership"
"""The attribute of a Connection that holds its guard. Its `info` is the application's.

A dictionary of weak keys would take ten times as long at each event.
"""

_log = getLogger("session_guard")


def _safe(listener: Callable[..., None]) -> Callable[..., None]:
    """Let nothing but a refusal reach the application: a failure of ours is only logged.

    An event may hand over what no test of ours has seen, as the connection of a dialect's first
    questions, and an exception would stand in the place of the database's own.
    """

    @wraps(listener)
    def call(*arguments: Any) -> None:
        try:
            listener(*arguments)
        except SharedSessionError:
            raise
        except Exception:
            _log.exception("session_guard failed, and lets it pass")

    return call


def _connected(connection: Connection) -> None:
    setattr(connection, _OWNERSHIP, ConnectionOwnership())


def _connected_strict(connection: Connection) -> None:
    setattr(connection, _OWNERSHIP, ConnectionOwnership(strict=True))


# What begins, or is sent a statement, is open, and need not be asked.


@_safe
def _began(connection: Connection, *_: Any) -> None:
    """None was open, so that the connection may be another's from now on."""
    ownership = getattr(connection, _OWNERSHIP, None)
    if ownership is not None:
        ownership.begun()


@_safe
def _before(connection: Connection, cursor: Any, *_: Any) -> None:
    ownership = getattr(connection, _OWNERSHIP, None)
    if ownership is not None and ownership.enter("execute", connection):
        ownership.cursor = cursor


@_safe
def _after(connection: Connection, cursor: Any, *_: Any) -> None:
    ownership = getattr(connection, _OWNERSHIP, None)
    # Not after what a listener executes in the middle of it.
    if ownership is not None and cursor is ownership.cursor:
        ownership.leave()


@_safe
def _failed(context: ExceptionContext) -> None:
    """Also a cancelled one; and one that was refused, in whose stead another's goes on."""
    if context.connection is not None and (ownership := ownership_of(context.connection)):
        ownership.abandon()


def _heard(operation: str, *, ends: bool = False) -> Callable[..., None]:
    """Listens to what is announced and has no end of its own."""

    @_safe
    def listener(connection: Connection, *_: Any) -> None:
        ownership = ownership_of(connection)
        if ownership is None:
            return
        try:
            ownership.check(operation, connection)
        except SharedSessionError as error:
            _close_overlapped(connection, ownership, operation, error)
            return
        if ends:
            # A listener of the application's own may have refused a statement after we heard of
            # it. SQLAlchemy 2.0 tells nobody, and it would be in flight for good.
            ownership.abandon()
            ownership.forget()

    return listener


def _close_overlapped(
    connection: Connection,
    ownership: ConnectionOwnership,
    operation: str,
    error: SharedSessionError,
) -> None:
    """Raise the refusal. Where the lender or the maker cleans up, the connection ends first.

    It is invalidated: the statement in flight on it fails, and the pool has its place back. In vain
    would it be to only say nothing: SQLAlchemy would go on, and roll back.
    """
    me, runner = actors.current(), ownership.runner
    cleans_up = _is_closing() or (operation == "rollback" and error.__context__ is not None)
    if runner is None or not cleans_up or not ownership.may_take_from(runner, me):
        raise error
    connection.invalidate()
    endings.raise_or_note(error)


def _is_closing() -> bool:
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_DEPTH_OF_CLOSE):
        if frame is None:
            return False
        if frame.f_code is Connection.close.__code__:
            return True
        frame = frame.f_back
    return False


_DEPTH_OF_CLOSE = 16
"""The number of frames between `Connection.close` and an event of the rollback in it."""


_LISTENERS: dict[str, Callable[..., None]] = {
    "before_cursor_execute": _before,
    "after_cursor_execute": _after,
    "handle_error": _failed,
    "begin": _began,
    "begin_twophase": _began,
    "commit": _heard("commit", ends=True),
    "rollback": _heard("rollback", ends=True),
    "savepoint": _heard("begin_nested"),
    "release_savepoint": _heard("release of the savepoint"),
    "rollback_savepoint": _heard("rollback to the savepoint"),
    "prepare_twophase": _heard("prepare"),
    "commit_twophase": _heard("commit", ends=True),
    "rollback_twophase": _heard("rollback", ends=True),
}
