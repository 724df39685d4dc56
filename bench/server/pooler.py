"""Poolers such as PgBouncer: whether one stands before the server, and how it shares connections.

In session mode a client keeps its server connection, and all is as without a pooler. In transaction
or statement mode it gets another one for each transaction: an advisory lock then stays behind on a
connection that the next client is given. https://www.pgbouncer.org/features.html
"""

from typing import TYPE_CHECKING, Any

from bench.model.errors import BenchError
from bench.server.session import answered_within

if TYPE_CHECKING:
    import psycopg

    from bench.server.database import Database

_TRIALS = 4
"""Of one, a pooler that lends its connections in turn may give back ours by chance."""

_PATIENCE_S = 5.0
"""How long a second connection may wait for its turn: in session mode, for as long as we stay."""


def refuse_transaction_pooling(database: "Database", connection: "psycopg.Connection[Any]") -> None:
    """Raise `BenchError` if `connection` is not a session of its own on the server.

    Nothing is left on the connections of the pool.
    """
    first = server_process(connection)
    # Without a pooler, the process that the protocol announced for cancelling is the server's own.
    if connection.info.backend_pid != first:
        _refuse_sharing(database, connection, first)


def _refuse_sharing(
    database: "Database", connection: "psycopg.Connection[Any]", first: int
) -> None:
    """Raise where another client is given the server process that was ours, or we another one.

    A pooler lends the one that it had back last, or the one that has waited longest: while a second
    client holds what it was lent, either it has ours, or we do not get ours again.
    """
    import psycopg

    mode = "transaction"
    shared = False
    try:
        with database.connect() as other, answered_within(other, _PATIENCE_S):
            shared = any(_is_shared(connection, other, first) for _ in range(_TRIALS))
    except psycopg.OperationalError as error:
        # PgBouncer's own words: it ends who begins a transaction in this mode. Any other failure
        # is that of a second client that waits for a place, as in session mode it may have to.
        shared = "statement pooling mode" in str(error)
        mode = "statement"
    if shared:
        raise BenchError(
            f"a connection pooler in {mode} mode is at {database.safe_url}: it gives each {mode} "
            "another connection, so that no lock of a session holds.\n"
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
    """Return the process on the server that serves this connection, also behind a pooler."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    return int(row[0])
