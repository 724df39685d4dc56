"""The lock that keeps a second command away from our rows, and proof that it was never let go.

PostgreSQL releases a session's advisory lock when the session ends, for whatever reason, and keeps
no record of who held it. So each command that takes the lock writes a token of its own into the
comment on the schema. After a lost connection, an unchanged token proves that no other command has
held the lock since.
"""

import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from accessors.sql import SCHEMA
from bench.dataset import schema
from bench.model.errors import BenchError
from bench.model.timeout import TIMEOUT_S
from bench.server.database import Database
from bench.server.failures import explained, first_line
from bench.server.pooler import refuse_transaction_pooling, server_process
from bench.server.session import answered_within

if TYPE_CHECKING:
    import psycopg

Result = TypeVar("Result")

_LEAST_TIMEOUT_S = 5.0
"""Time for a server that is busy, however impatient the user is with backends."""
_RECOVERY_S = 10.0
_GOODBYE_S = 5.0

log = logging.getLogger(__name__)

# A key of 64 bits is in two columns of 32, and objsubid tells it from two keys of 32.
_HOLDER = """
    FROM pg_catalog.pg_locks AS held
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
      AND (classid::bigint << 32 | objid::bigint) = %s
      AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
"""
_IS_OURS = f"SELECT EXISTS (SELECT {_HOLDER} AND pid = pg_backend_pid())"
_WHO = f"SELECT pid {_HOLDER} AND pid <> pg_backend_pid()"


class ServerGoneError(BenchError):
    """The server ended, or answers no more."""


class LockLostError(BenchError):
    """The connection that held the lock was lost, and another command may have used the rows."""


class Lock:
    """The lock on our schema, held by a connection of the command's own. `held` makes one."""

    def __init__(self, database: Database, timeout_s: float = TIMEOUT_S) -> None:
        self.database = database
        self.connection: psycopg.Connection[Any] = database.connect()
        self._timeout_s = max(_LEAST_TIMEOUT_S, timeout_s)
        self._token: str | None = None
        self._server_process = 0
        self.failure: BenchError | None = None
        """Why the lock is lost for good; the connection is closed then, so that nothing uses it."""

    def take(self) -> None:
        """Take the lock and leave our token; make the schema if there is none.

        Raises `BenchError` if another command holds it, or the schema can't be made, or a pooler
        would give the lock to somebody else.
        """
        refuse_transaction_pooling(self.database, self.connection)
        if not _try(self.connection):
            raise BenchError(
                f"another bench command is at work on schema {SCHEMA} of this database"
                f" (server process {_holder(self.connection)}).\n"
                "Two would spoil each other's numbers: wait for it, or use another database."
            )
        self._server_process = server_process(self.connection)
        schema.create(self.connection)
        token = secrets.token_hex(8)
        if schema.leave_token(self.connection, token):
            self._token = token

    def check(self) -> None:
        """Make sure that no other command can have used the rows since the lock was taken.

        A connection that was lost is replaced, if nobody else has held the lock meanwhile. Raises
        `LockLostError` if somebody has, or may have; `ServerGoneError` if the server is gone.
        """
        if self.failure:
            raise self.failure
        if reason := self._lost():
            try:
                self._take_again(reason)
            except BenchError as error:
                self.connection.close()
                self.failure = error
                raise

    def run(self, work: "Callable[[psycopg.Connection[Any]], Result]") -> Result:
        """Return what `work` returns on the connection; do it anew if the connection was lost.

        For work that may be repeated. Raises as `check` does, and what else the server refuses.
        """
        import psycopg

        before = self.connection
        try:
            return work(before)
        except psycopg.OperationalError:
            self.check()
            if self.connection is before:
                raise
        return work(self.connection)

    def release(self) -> None:
        """Let go and end the connection, in whatever state it is."""
        import psycopg

        # A pooler may give the session to somebody else: the lock does not end with the connection.
        with suppress(psycopg.Error), answered_within(self.connection, _GOODBYE_S):
            self.connection.execute("SELECT pg_advisory_unlock(%s)", [schema.LOCK])
        self.connection.close()

    def _lost(self) -> str | None:
        """Why the lock is not ours any more; None if it is."""
        import psycopg

        try:
            with answered_within(self.connection, self._timeout_s):
                row = self.connection.execute(_IS_OURS, [schema.LOCK]).fetchone()
        except psycopg.OperationalError as error:
            return first_line(error, self.database.url)
        return None if row and row[0] else "the server released the lock"

    def _take_again(self, reason: str) -> None:
        self.connection.close()
        try:
            self.connection = _connect_after_recovery(self.database)
        except BenchError as error:
            raise ServerGoneError(
                f"the server went away ({reason}): {first_line(error, self.database.url)}\n"
                "See its log; what was finished before is kept."
            ) from None
        refuse_transaction_pooling(self.database, self.connection)
        lost = f"bench lost its own connection ({reason}), and with it the lock on schema {SCHEMA}"
        again = "What was finished before is kept; run the command again."
        if holder := self._wait_for_lock():
            who = "another bench command has"
            if holder == self._server_process:
                who = "the server has not ended that connection, which has"
            raise LockLostError(f"{lost}; {who} it now (server process {holder}).\n{again}")
        if self._token is None:
            raise LockLostError(
                f"{lost}; this user may not leave a mark there that would prove that no other"
                f" command used the rows since.\n{again}"
            )
        if schema.token(self.connection) != self._token:
            raise LockLostError(f"{lost}; another bench command has used it since.\n{again}")
        self._server_process = server_process(self.connection)
        log.warning("%s: taken again, as no other command had it since.", lost)

    def _wait_for_lock(self) -> int | None:
        """Take the lock on the new connection; return the server process that has it otherwise.

        The server tells a client of the end of its session before it releases the session's locks:
        for that process it is worth waiting.
        """
        deadline = time.monotonic() + min(self._timeout_s, _RECOVERY_S)
        while not _try(self.connection):
            holder = _holder(self.connection)
            if holder and (holder != self._server_process or time.monotonic() > deadline):
                return holder
            time.sleep(0.02)
        return None


@contextmanager
def held(database: Database, timeout_s: float = TIMEOUT_S) -> Iterator[Lock]:
    """Keep other commands from using our rows for as long as a command uses them.

    Does not wait: raises `BenchError` at once if another command is there. Call `check` between
    two steps of the work, and read `connection` anew after it; leaving checks once more. What the
    server refuses meanwhile is raised as `BenchError`.
    """
    import psycopg

    with explained(database.url, database.safe_url):
        lock = Lock(database, timeout_s)
        try:
            lock.take()
            try:
                yield lock
            except (BenchError, psycopg.OperationalError):
                if not lock.failure:
                    lock.check()  # what failed may have failed because the server is gone
                raise
            lock.check()
        finally:
            lock.release()


def _connect_after_recovery(database: Database) -> "psycopg.Connection[Any]":
    """Connect, waiting some seconds for a server that recovers from a crash.

    The end of one of its processes by a signal makes it end all, and start anew by itself.
    """
    deadline = time.monotonic() + _RECOVERY_S
    while True:
        try:
            return database.connect()
        except BenchError as error:
            recovers = any(words in str(error) for words in ("starting", "recovery", "accepting"))
            if not recovers or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _try(connection: "psycopg.Connection[Any]") -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [schema.LOCK]).fetchone()
    return bool(row and row[0])


def _holder(connection: "psycopg.Connection[Any]") -> int | None:
    """Return the server process that holds the lock; None if it has let go by now."""
    row = connection.execute(_WHO, [schema.LOCK]).fetchone()
    return int(row[0]) if row else None
