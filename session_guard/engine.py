"""A net below every session: it sees what reaches a connection, and raises the alarm.

It cannot protect as GuardedSession does. A statement is refused in time; but by the time that an
engine hears of a COMMIT or ROLLBACK, SQLAlchemy has ended the owner's transaction on its side.
"""

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

from session_guard.custody import Custody, Transactional

_KEY = "session_guard"
"""In `info`, which a DBAPI connection has for its users' own data."""


class ConnectionCustody(Custody):
    """Who may use one connection, from its checkout to its return."""

    __slots__ = ()

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
    if event.contains(target, "commit", _commit):
        return
    event.listen(target, "checkout", _checked_out_strict if strict else _checked_out)
    event.listen(target, "before_cursor_execute", _before)
    event.listen(target, "after_cursor_execute", _after)
    event.listen(target, "handle_error", _failed)
    event.listen(target, "commit", _commit)
    event.listen(target, "rollback", _rollback)
    event.listen(target, "savepoint", _savepoint)
    event.listen(target, "release_savepoint", _release_savepoint)
    event.listen(target, "rollback_savepoint", _rollback_savepoint)
    event.listen(target, "prepare_twophase", _prepare_twophase)
    event.listen(target, "commit_twophase", _commit_twophase)
    event.listen(target, "rollback_twophase", _rollback_twophase)


def custody_of(connection: Connection) -> ConnectionCustody | None:
    """None where there is nothing to guard: closed, lost, or not of a guarded engine."""
    if connection.closed or connection.invalidated:
        return None
    return connection.info.get(_KEY)


def _checked_out(_: Any, entry: ConnectionPoolEntry, __: Any) -> None:
    entry.info[_KEY] = ConnectionCustody("connection")


def _checked_out_strict(_: Any, entry: ConnectionPoolEntry, __: Any) -> None:
    entry.info[_KEY] = ConnectionCustody("connection", strict=True)


def _before(connection: Connection, *_: Any) -> None:
    if custody := custody_of(connection):
        custody.enter("execute", connection)


def _after(connection: Connection, *_: Any) -> None:
    if custody := custody_of(connection):
        custody.leave()


def _failed(context: ExceptionContext) -> None:
    """Also a cancelled one; and one that was refused, in whose stead another's goes on."""
    if context.connection is not None and (custody := custody_of(context.connection)):
        custody.abandon()


def _check(connection: Connection, operation: str, *, ends: bool = False) -> None:
    if custody := custody_of(connection):
        custody.check(operation, connection)
        if ends:
            custody.ended(operation)


def _commit(connection: Connection) -> None:
    _check(connection, "commit", ends=True)


def _rollback(connection: Connection) -> None:
    _check(connection, "rollback", ends=True)


def _savepoint(connection: Connection, *_: Any) -> None:
    _check(connection, "begin_nested")


def _release_savepoint(connection: Connection, *_: Any) -> None:
    _check(connection, "release savepoint")


def _rollback_savepoint(connection: Connection, *_: Any) -> None:
    _check(connection, "rollback to savepoint")


def _prepare_twophase(connection: Connection, *_: Any) -> None:
    _check(connection, "prepare")


def _commit_twophase(connection: Connection, *_: Any) -> None:
    _check(connection, "commit", ends=True)


def _rollback_twophase(connection: Connection, *_: Any) -> None:
    _check(connection, "rollback", ends=True)
