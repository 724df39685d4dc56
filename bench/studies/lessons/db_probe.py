"""Reads what is true, through a connection of its own, and what was left behind."""

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
# Whoever sits on locks would keep the next trial from having its rows back.
_END = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = %s AND state <> 'idle'
"""
_END_ALL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE starts_with(application_name, %s)
"""


class DatabaseProbe:
    """Takes no part in any trial. `name`: the application_name of those who do."""

    def __init__(self, connection: "psycopg.Connection[Any]", name: str) -> None:
        self._connection = connection
        self._name = name

    def clear(self) -> None:
        """End what still runs of the last trial, and have the first rows again."""
        self.end_transactions()
        tables.reset(self._connection)

    def end_transactions(self) -> None:
        """End the connections that are in one, or run something."""
        self._connection.execute(_END, [self._name])

    def end_all(self) -> None:
        """End every connection whose name begins with this one, and wait until they are gone."""
        self._connection.execute(_END_ALL, [self._name])
        while self.open_connections():
            time.sleep(0.001)

    def truth(self, query: str) -> list[tuple[Any, ...]]:
        """What is committed."""
        return self._connection.execute(query.encode()).fetchall()

    def left_in_transaction(self) -> int:
        """How many of the trial's connections stand `idle in transaction`."""
        return self._count(_LEFT)

    def open_connections(self) -> int:
        """Of all whose name begins with this one."""
        return self._count(_OPEN)

    def _count(self, query: str) -> int:
        row = self._connection.execute(query.encode(), [self._name]).fetchone()
        assert row is not None
        return int(row[0])
