"""The guard of connections, below every session: it sees all that is sent on a connection.

It protects less than GuardedSession does. It refuses a statement in time. But when an engine's
event announces a COMMIT or ROLLBACK, SQLAlchemy has already ended the owner's transaction on the
client's side.
"""

import sys
from collections.abc import Callable
from functools import wraps
from logging import getLogger
from threading import get_ident
from types import FrameType
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine

from session_guard import actors, endings
from session_guard.actors import current, task_of
from session_guard.ownership import Ownership, Transactional
from session_guard.session import know_connections
from session_guard.task_tree import known_lineage
from session_guard.violation import SharedSessionError


class ConnectionOwnership(Ownership):
    """The ownership of one connection, from its checkout to its return to the pool."""

    __slots__ = ("cursor",)
    shared = "connection"

    def __init__(self, strict: bool = False) -> None:
        super().__init__(strict)
        self.cursor: Any = None
        """The cursor of the statement in flight, or of the last statement."""

    def _at_stake(self, resource: Transactional) -> bool:
        # With autocommit a Connection is "in a transaction" that does not exist on the server.
        assert isinstance(resource, Connection)
        dbapi_connection = resource.connection.dbapi_connection
        return resource.in_transaction() and not getattr(dbapi_connection, "autocommit", False)


def guard_engine(engine: Engine | AsyncEngine | type[Engine], *, strict: bool = False) -> None:
    """Raise SharedSessionError when a second task or thread uses a connection of this engine.

    The class `Engine` itself stands for every engine, present and future. A second call has no
    effect. `strict`: only the first user may use a connection, even an idle one, until it is
    returned to the pool.
    """
    target = engine.sync_engine if isinstance(engine, AsyncEngine) else engine
    know_connections()
    if not is_guarded_engine(target):
        event.listen(target, "engine_connect", _connected_strict if strict else _connected)
        for name, listener in _LISTENERS.items():
            event.listen(target, name, listener, retval=name == "before_cursor_execute")


def is_guarded_engine(engine: Engine | type[Engine]) -> bool:
    """Return whether `guard_engine` was called for this engine, or for the class `Engine`."""
    return event.contains(engine, "commit", _LISTENERS["commit"])


def unguard_engine(engine: Engine | type[Engine], *, strict: bool = False) -> None:
    """Undo a `guard_engine` that was called with the same `strict`."""
    event.remove(engine, "engine_connect", _connected_strict if strict else _connected)
    for name, listener in _LISTENERS.items():
        event.remove(engine, name, listener)


def ownership_of(connection: Connection) -> ConnectionOwnership | None:
    """Return the ownership of a connection; None if it is closed, lost or not guarded.

    It is None also for the connection on which SQLAlchemy initialises a dialect.
    """
    if connection.closed or connection.invalidated:
        return None
    ownership: ConnectionOwnership | None = getattr(connection, _OWNERSHIP, None)
    return ownership


_OWNERSHIP = "_session_guard_ownership"
"""The attribute of a Connection that holds its ownership.

The dictionary `info` of a connection is left to the application. A dictionary of weak keys takes
longer to look up at each event.
"""

_log = getLogger("session_guard")


def _safe(listener: Callable[..., None]) -> Callable[..., None]:
    """Let only a refusal reach the application. Any other error of the guard is logged.

    An event may pass an object that no test of ours has covered, such as the connection on which
    SQLAlchemy initialises a dialect. An exception would then hide the database's own.
    """

    @wraps(listener)
    def call(*arguments: Any) -> None:
        try:
            listener(*arguments)
        except SharedSessionError:
            raise
        except Exception:
            _let_pass()

    return call


def _let_pass() -> None:
    _log.exception("session_guard failed, and lets the operation pass")


def _connected(connection: Connection) -> None:
    setattr(connection, _OWNERSHIP, ConnectionOwnership())


def _connected_strict(connection: Connection) -> None:
    setattr(connection, _OWNERSHIP, ConnectionOwnership(strict=True))


# A connection that begins a transaction or gets a statement is open, so the listeners below need
# not check that. They have `_safe` and Ownership.enter and leave written out, to save calls.


def _began(connection: Connection, *_: Any) -> None:
    """Let the running actor own the connection, since no transaction was open."""
    try:
        ownership = getattr(connection, _OWNERSHIP, None)
        if ownership is None:
            return
        loop = ownership.loop
        if ownership.user is not ((get_ident() == loop._thread_id and task_of(loop)) or current()):
            ownership.begun()
    except SharedSessionError:
        raise
    except Exception:
        _let_pass()


def _before(
    connection: Connection, cursor: Any, statement: str, parameters: Any, *_: Any
) -> tuple[str, Any]:
    try:
        ownership = getattr(connection, _OWNERSHIP, None)
        if ownership is not None:
            loop = ownership.loop
            me = (get_ident() == loop._thread_id and task_of(loop)) or current()
            if ownership.runner is None and ownership.user is me:
                ownership.runner = me
                ownership.operation = "execute"
                ownership.cursor = cursor
                if not ownership.since:
                    ownership.since = "execute"
            elif ownership.enter_as(me, "execute", connection):
                ownership.cursor = cursor
    except SharedSessionError:
        raise
    except Exception:
        _let_pass()
    # SQLAlchemy calls a listener that returns these directly, and any other through a function.
    return statement, parameters


def _after(connection: Connection, cursor: Any, *_: Any) -> None:
    try:
        ownership = getattr(connection, _OWNERSHIP, None)
        # A listener may execute a statement while another one is in flight. Its end is not the end.
        if ownership is not None and cursor is ownership.cursor:
            if ownership.pending is None:
                ownership.runner = None
            else:
                ownership.finish()
    except SharedSessionError:
        raise
    except Exception:
        _let_pass()


@_safe
def _failed(context: ExceptionContext) -> None:
    """Forget a statement that failed, was cancelled, or was refused by another listener."""
    if context.connection is not None and (ownership := ownership_of(context.connection)):
        ownership.abandon()


def _announced(operation: str, *, ends: bool = False) -> Callable[..., None]:
    """Return a listener for an operation whose start has an event, and whose end has none."""

    def listener(connection: Connection, *_: Any) -> None:
        ownership = getattr(connection, _OWNERSHIP, None)
        if ownership is None:
            return
        try:
            if ends and ownership.runner is None and not ownership.strict:
                # The usual way: the user ends it, or a new child, as at the end of an `async with`.
                loop, user = ownership.loop, ownership.user
                if user is ((get_ident() == loop._thread_id and task_of(loop)) or current()) or (
                    user is not None and (lineage := known_lineage()) and lineage[-1]() is user
                ):
                    ownership.others = ()
                    return
        except Exception:
            _let_pass()
            return
        check(connection)

    @_safe
    def check(connection: Connection) -> None:
        ownership = ownership_of(connection)
        if ownership is None:
            return
        try:
            ownership.check(operation, connection)
        except SharedSessionError as error:
            _close_overlapped(connection, ownership, operation, error)
            return
        if ends:
            # A listener of the application may have refused a statement after our listener ran.
            # SQLAlchemy 2.0 has no event for that, so the statement would stay in flight for ever.
            ownership.abandon()
            ownership.forget()

    return listener


def _close_overlapped(
    connection: Connection,
    ownership: ConnectionOwnership,
    operation: str,
    error: SharedSessionError,
) -> None:
    """Raise the refusal. If the lender or the maker cleans up, invalidate the connection first.

    Then the statement in flight on it fails, and its place in the pool is free again. To let the
    call pass would not help: SQLAlchemy would go on, and roll back.
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
    "commit": _announced("commit", ends=True),
    "rollback": _announced("rollback", ends=True),
    "savepoint": _announced("begin_nested"),
    "release_savepoint": _announced("release of the savepoint"),
    "rollback_savepoint": _announced("rollback to the savepoint"),
    "prepare_twophase": _announced("prepare"),
    "commit_twophase": _announced("commit", ends=True),
    "rollback_twophase": _announced("rollback", ends=True),
}
