"""A probe that reads the committed rows and the leftover connections through its own connection."""

import time
from typing import TYPE_CHECKING, Any

from bench.studies.lessons import tables

if TYPE_CHECKING:
    import psycopg

_LEFT = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = %s AND state LIKE 'idle in transaction%%'
"""
_OPEN = "SELECT count(*) FROM pg_stat_activity WHERE starts_with(application_name, %s)"
# A connection that holds locks would stop the reset of the rows before the next trial.
_END = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = %s AND state <> 'idle'
"""
_END_ALL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE starts_with(application_name, %s)
"""


class DatabaseProbe:
    """An observer of trials. `name` is the application_name of the connections in the trials."""

    def __init__(self, connection: "psycopg.Connection[Any]", name: str) -> None:
        self._connection = connection
        self._name = name

    def clear(self) -> None:
        """End the transactions of the last trial, and reset the rows."""
        self.end_transactions()
        tables.reset(self._connection)

    def end_transactions(self) -> None:
        """End the connections that are in a transaction or run a statement."""
        self._connection.execute(_END, [self._name])

    def end_all(self) -> None:
        """End every connection whose name begins with `name`, and wait until they are closed."""
        self._connection.execute(_END_ALL, [self._name])
        while self.open_connections():
            time.sleep(0.001)

    def truth(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of the query, which sees only what is committed."""
        return self._connection.execute(query.encode()).fetchall()

    def left_in_transaction(self) -> int:
        """Return how many of the trial's connections are `idle in transaction`."""
        return self._count(_LEFT)

    def open_connections(self) -> int:
        """Return the number of connections whose name begins with `name`."""
        return self._count(_OPEN)

    def _count(self, query: str) -> int:
        row = self._connection.execute(query.encode(), [self._name]).fetchone()
        assert row is not None
        return int(row[0])
