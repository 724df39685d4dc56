"""The lock that keeps other commands away from our rows, with proof that it was never released.

PostgreSQL releases a session's advisory lock when the session ends, for any reason, and keeps no
record of its holder. So each command that takes the lock writes its own token into the comment on
the schema. After a lost connection, an unchanged token proves that no other command has
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
from bench.server.session import answered_within, value_within

if TYPE_CHECKING:
    import psycopg

Result = TypeVar("Result")

_LEAST_TIMEOUT_S = 5.0
"""Shortest timeout for a busy server, even if the timeout for backends is shorter."""
_RECOVERY_S = 10.0
_GOODBYE_S = 5.0

log = logging.getLogger(__name__)

# A key of 64 bits is stored in two columns of 32 bits. objsubid = 1 means a single 64-bit key.
_HOLDER = f"""
    FROM pg_catalog.pg_locks AS held
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
      AND (classid::bigint << 32 | objid::bigint) = {schema.LOCK}
      AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
"""
_IS_OURS = f"SELECT EXISTS (SELECT {_HOLDER} AND pid = pg_backend_pid())"
_WHO = f"SELECT pid {_HOLDER} AND pid <> pg_backend_pid()"


class ServerGoneError(BenchError):
    """The server has ended, or no longer answers."""


class LockLostError(BenchError):
    """The connection that held the lock was lost, and another command may have used the rows."""


class Lock:
    """The lock on our schema, which a connection of the command holds. `held` makes one."""

    def __init__(self, database: Database, timeout_s: float = TIMEOUT_S) -> None:
        self.database = database
        self.connection: psycopg.Connection[Any] = database.connect()
        self._timeout_s = max(_LEAST_TIMEOUT_S, timeout_s)
        self._token: str | None = None
        self._server_process = 0
        self.failure: BenchError | None = None
        """The error that lost the lock for good. The connection is closed then."""

    def take(self) -> None:
        """Take the lock, create the schema if there is none, and write our token.

        Raises `BenchError` if another command holds the lock, if the schema cannot be created, or
        if a pooler would give the lock to another client.
        """
        refuse_transaction_pooling(self.database, self.connection)
        if not _try(self.connection):
            holder = _holder(self.connection)
            raise BenchError(
                f"another bench command is using schema {SCHEMA} of this database"
                f" (server process {holder}).\n"
                "Wait for it, or use another database. If its machine is lost:"
                f" SELECT pg_terminate_backend({holder})"
            )
        self._server_process = server_process(self.connection)
        schema.create(self.connection)
        token = secrets.token_hex(8)
        if schema.leave_token(self.connection, token):
            self._token = token

    def check(self) -> None:
        """Make sure that no other command has used the rows since the lock was taken.

        A lost connection is replaced if no other command has held the lock meanwhile. Raises
        `LockLostError` if another command has held it, or may have, and `ServerGoneError` if the
        server is gone.
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
        """Call `work` with the connection and return its result; repeat it after a lost connection.

        Only for work that may be repeated. Raises as `check` does, and any other error of `work`.
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
        """Release the lock and close the connection, in any state."""
        import psycopg

        # A pooler may keep the session for another client: closing does not release the lock then.
        with suppress(psycopg.Error), answered_within(self.connection, _GOODBYE_S):
            self.connection.execute("SELECT pg_advisory_unlock(%s)", [schema.LOCK])
        self.connection.close()

    def _lost(self) -> str | None:
        """Return the reason that the lock is no longer ours; None if it still is."""
        import psycopg

        try:
            is_ours = value_within(self.connection, _IS_OURS, self._timeout_s)
        except psycopg.OperationalError as error:
            return first_line(error, self.database.url)
        return None if is_ours == "t" else "the server released the lock"

    def _take_again(self, reason: str) -> None:
        self.connection.close()
        try:
            self.connection = _connect_after_recovery(self.database)
        except BenchError as error:
            raise ServerGoneError(
                f"the server went away ({reason}): {first_line(error, self.database.url)}\n"
                "See its log. The runs finished before are kept."
            ) from None
        refuse_transaction_pooling(self.database, self.connection)
        lost = f"bench lost its own connection ({reason}), and with it the lock on schema {SCHEMA}"
        again = "The runs finished before are kept. Run the command again."
        if holder := self._wait_for_lock():
            who = "another bench command has"
            if holder == self._server_process:
                who = "the server has not ended that connection, which has"
            raise LockLostError(f"{lost}; {who} it now (server process {holder}).\n{again}")
        if self._token is None:
            raise LockLostError(
                f"{lost}; this user may not write the token there that would prove that no other"
                f" command has used the rows since.\n{again}"
            )
        if schema.token(self.connection) != self._token:
            raise LockLostError(f"{lost}; another bench command has used it since.\n{again}")
        self._server_process = server_process(self.connection)
        log.warning("%s. It was taken again: no other command has held it since.", lost)

    def _wait_for_lock(self) -> int | None:
        """Take the lock on the new connection, or return the pid of the server process that has it.

        The server closes a connection before it releases the locks of its session. So this waits
        for the process of our own previous connection.
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
    """Keep other commands from using our rows during the block.

    Does not wait: raises `BenchError` at once if another command holds the lock. Call `check`
    between two steps of the work, and read `connection` again after it. Leaving the block checks
    once more. Errors of the server in the block are raised as `BenchError`.
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
                    lock.check()  # the error may come from a server that is gone
                raise
            lock.check()
        finally:
            lock.release()


def _connect_after_recovery(database: Database) -> "psycopg.Connection[Any]":
    """Return a new connection, after some seconds if the server is recovering from a crash.

    When a signal kills one of its processes, the server ends all others and recovers by itself.
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
    """Return the pid of the server process that holds the lock; None if it is free by now."""
    row = connection.execute(_WHO).fetchone()
    return int(row[0]) if row else None
