"""Detection of poolers such as PgBouncer that share a server connection between clients.

In session mode a client keeps its server connection, and the pooler changes nothing. In transaction
or statement mode a client gets another server connection for each transaction. An advisory lock
then stays on a connection that the next client gets. https://www.pgbouncer.org/features.html
"""

from typing import TYPE_CHECKING, Any

from bench.model.errors import BenchError
from bench.server.session import answered_within

if TYPE_CHECKING:
    import psycopg

    from bench.server.database import Database

_TRIALS = 4
"""In a single trial, a pooler that rotates connections may give us ours again by chance."""

_TIMEOUT_S = 5.0
"""Seconds for a second connection. In session mode it could wait for as long as ours is open."""


def refuse_transaction_pooling(database: "Database", connection: "psycopg.Connection[Any]") -> None:
    """Raise `BenchError` if the pooler gives `connection` no server session of its own.

    The check leaves nothing on the connections of the pool.
    """
    first = server_process(connection)
    # Without a pooler, the protocol announces for cancelling the pid of the server process itself.
    if connection.info.backend_pid != first:
        _refuse_sharing(database, connection, first)


def _refuse_sharing(
    database: "Database", connection: "psycopg.Connection[Any]", first: int
) -> None:
    """Raise `BenchError` if a second client gets our server process, or we get another process.

    A pooler lends the connection that came back last, or the one that has been idle longest. So
    while a second client holds a connection, either it holds ours, or we do not get ours again.
    """
    import psycopg

    mode = "transaction"
    shared = False
    try:
        with database.connect() as other, answered_within(other, _TIMEOUT_S):
            shared = any(_is_shared(connection, other, first) for _ in range(_TRIALS))
    except psycopg.OperationalError as error:
        # The text is PgBouncer's: in this mode it ends a client that begins a transaction. Any
        # other failure means that the second client waited for a connection, as in session mode.
        shared = "statement pooling mode" in str(error)
        mode = "statement"
    if shared:
        raise BenchError(
            f"a connection pooler in {mode} mode is at {database.safe_url}: it gives each {mode} "
            "another connection, so a lock of a session is not kept.\n"
            "Use its session mode (PgBouncer: pool_mode = session), or the server's own URL."
        )


def _is_shared(
    connection: "psycopg.Connection[Any]", other: "psycopg.Connection[Any]", first: int
) -> bool:
    with other.transaction():
        if server_process(other) == first:
            return True
        return any(server_process(connection) != first for _ in range(2))


def server_process(connection: "psycopg.Connection[Any]") -> int:
    """Return the pid of the server process behind this connection, also through a pooler."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    return int(row[0])
