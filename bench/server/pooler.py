"""Detection of poolers such as PgBouncer that share a server connection between clients.

In session mode a client keeps its server connection, and the pooler changes nothing. In transaction
or statement mode a client gets another server connection for each transaction. An advisory lock
then stays on a connection that the next client gets, and a prepared statement is unknown to the
next connection. https://www.pgbouncer.org/features.html
"""

import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bench.model.errors import BenchError, UsageError
from bench.server.database import Database
from bench.server.session import answered_within

if TYPE_CHECKING:
    import psycopg

PoolMode = Literal["session", "transaction", "statement"]

_TRIALS = 4
"""In a single trial, a pooler that rotates connections may give us ours again by chance."""

_TIMEOUT_S = 5.0
"""Seconds for a second connection. In session mode it could wait for as long as ours is open."""

_LONGEST_WAIT_S = 6.0
"""Seconds for a server connection. PgBouncer adds those of its reserve_pool_size after 5 s."""

_PREPARED = "SELECT count(*) FROM pg_catalog.pg_prepared_statements WHERE name = %s"
_IDENTITY = """
    SELECT pg_catalog.pg_postmaster_start_time()::text, oid::text FROM pg_catalog.pg_database
    WHERE datname = pg_catalog.current_database()
"""


@dataclass(frozen=True)
class Pooler:
    """A connection pooler between the backends and the server."""

    mode: PoolMode
    keeps_prepared: bool = True
    """Whether a client's prepared statements follow it to another server connection: in session
    mode, and with `max_prepared_statements` of PgBouncer 1.21 and later."""

    @property
    def shares(self) -> bool:
        """Whether several clients take turns on one server connection."""
        return self.mode != "session"


def detect(database: Database) -> Pooler | None:
    """Return the pooler on the backends' way to the server; None if there is none.

    The check leaves nothing on the connections of the pool. Raises `BenchError` if no connection
    can be made.
    """
    with database.connect(as_backend=True) as connection:
        return _pooler(database, connection)


def refuse_transaction_pooling(database: Database, connection: "psycopg.Connection[Any]") -> None:
    """Raise `BenchError` if the pooler gives `connection` no server session of its own.

    The check leaves nothing on the connections of the pool.
    """
    pooler = None if database.admin_url else _pooler(database, connection)
    if pooler and pooler.shares:
        raise sharing_refused(database, pooler)


def sharing_refused(database: Database, pooler: Pooler) -> BenchError:
    """Return the error to raise if the command's own connections would go through the pooler."""
    return BenchError(
        f"a connection pooler in {pooler.mode} mode is at {database.safe_url}: it gives each "
        f"{pooler.mode} another connection, so a lock of a session is not kept.\n"
        "Add --admin-url with the server's own URL, for bench's own connections (`bench run`, "
        "`query`, `streaming`, `overhead` and `verify`), or use its session mode (PgBouncer: "
        "pool_mode = session)."
    )


def check_clients(database: Database, pooler: Pooler, clients: int, keeping: int) -> None:
    """Raise `BenchError` if the pooler admits fewer than so many clients at once, or if it has no
    server connection for each of the `keeping` clients that keep theirs.

    It tells its limits to its administrators alone, so they are tried. A library that waits for its
    pool to be filled would hide the reason, and clients without a server connection wait for those
    that wait for them.
    """
    import psycopg

    with ExitStack() as stack:
        for admitted in range(clients):
            try:
                connection = stack.enter_context(
                    database.connect(as_backend=True, autocommit=admitted >= keeping)
                )
            except BenchError as error:
                reason = str(error).partition("\n")[0]
                raise BenchError(
                    f"the pooler admits {admitted} of {clients} clients: {reason}\n"
                    "Raise its limit (PgBouncer: max_client_conn), or lower --concurrency."
                ) from None
            if admitted >= keeping:
                continue
            try:
                with answered_within(connection, _LONGEST_WAIT_S):
                    connection.execute("SELECT 1")  # in a transaction, which stays open
            except psycopg.OperationalError:
                raise _pool_too_small(database, pooler, admitted, keeping) from None


def _pool_too_small(database: Database, pooler: Pooler, lent: int, keeping: int) -> BenchError:
    """Return the error for clients that would wait for each other in the pooler."""
    why, instead = "in session mode", ""
    if pooler.shares:
        why = "for an open transaction (one session per task, implicit transactions)"
        instead = ", or end each transaction with --session-scope operation"
    return BenchError(
        f"the pooler at {database.safe_url} lends {lent} server connections, and {keeping} clients"
        f" keep one each {why}: the others would wait until --timeout.\n"
        f"Raise its pool (PgBouncer: default_pool_size), or lower --concurrency{instead}."
    )


def check_same_database(database: Database) -> None:
    """Raise `UsageError` if the backends' URL and the admin URL lead to different databases."""
    with database.connect() as own, database.connect(as_backend=True) as backend:
        different = own.execute(_IDENTITY).fetchone() != backend.execute(_IDENTITY).fetchone()
        if different or backend.info.server_version != own.info.server_version:
            raise UsageError(
                f"--admin-url {database.own.safe_url} is another database than "
                f"{database.safe_url}.\n"
                "Give the URL of the same database, without the pooler."
            )
        if server_process(own) != own.info.backend_pid:
            raise UsageError(
                f"--admin-url {database.own.safe_url} leads to a connection pooler too.\n"
                "Give the server's own URL: its host and port, without the pooler."
            )


def server_process(connection: "psycopg.Connection[Any]") -> int:
    """Return the pid of the server process behind this connection, also through a pooler."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    return int(row[0])


def _pooler(database: Database, connection: "psycopg.Connection[Any]") -> Pooler | None:
    """Return the pooler between us and the server that `connection` reaches; None without one.

    A pooler lends the connection that came back last, or the one that has been idle longest. So
    while a second client holds a connection, either it holds ours, or we do not get ours again.
    """
    import psycopg

    first = server_process(connection)
    # Without a pooler, the protocol announces for cancelling the pid of the server process itself.
    if connection.info.backend_pid == first:
        return None
    try:
        with database.connect(as_backend=True) as other, answered_within(other, _TIMEOUT_S):
            if not any(_is_shared(connection, other, first) for _ in range(_TRIALS)):
                return Pooler("session")
            return Pooler("transaction", _keeps_prepared(connection))
    except psycopg.OperationalError as error:
        # The text is PgBouncer's: in this mode it ends a client that begins a transaction. Any
        # other failure means that the second client waited for a connection, as in session mode.
        if "statement pooling mode" in str(error):
            return Pooler("statement", False)
        return Pooler("session")


def _is_shared(
    connection: "psycopg.Connection[Any]", other: "psycopg.Connection[Any]", first: int
) -> bool:
    with other.transaction():
        if server_process(other) == first:
            return True
        return any(server_process(connection) != first for _ in range(2))


def _keeps_prepared(connection: "psycopg.Connection[Any]") -> bool:
    """Return whether the pooler follows prepared statements, by the name that the server sees.

    A pooler that follows them gives each a name of its own. One that does not passes the client's
    name on, and the statement stays on the server connection.
    """
    name = f"gatherbench_{secrets.token_hex(8)}"
    with connection.transaction():
        connection.pgconn.prepare(name.encode(), b"SELECT 1")
        row = connection.execute(_PREPARED, [name]).fetchone()
        passed_on = bool(row and row[0])
        if passed_on:
            connection.execute(f"DEALLOCATE {name}")
    return not passed_on
