"""psycopg2, without SQLAlchemy."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import psycopg2.extensions
import psycopg2.extras
import psycopg2.pool

from accessors import sql
from accessors.api import Accessor, Backend, Line, Rows, Target
from accessors.rows import FlatCustomers, FlatOrders

_INSERT_ORDER = sql.percent(sql.INSERT_ORDER)
_INSERT_LINES = sql.INSERT_LINE.replace("($1, $2, $3)", "%s")
_TOTAL_COST = sql.PERCENT.total_cost_of_an_order


class Psycopg2Accessor(Accessor):
    reads = streamed_reads = sql.PERCENT

    def __init__(self, connection: psycopg2.extensions.connection) -> None:
        self.native = self._connection = connection

    def fetch_all(self, read: str, *arguments: Any) -> Rows:
        with self._connection.cursor() as cursor:
            cursor.execute(read, arguments)
            return cursor.fetchall()

    def fetch_value(self, read: str, *arguments: Any) -> Any:
        with self._connection.cursor() as cursor:
            cursor.execute(read, arguments)
            row = cursor.fetchone()
            return row[0] if row else None

    def get_total_cost_of_an_order(self, order_id: int) -> Decimal | None:
        # As `fetch_value`, without that call: psycopg2's point read is so short that it shows.
        with self._connection.cursor() as cursor:
            cursor.execute(_TOTAL_COST, (order_id,))
            row: tuple[Decimal | None] | None = cursor.fetchone()
            return row[0] if row else None

    @contextmanager
    def _server_cursor(
        self, read: str, arguments: Sequence[Any], batch_size: int | None
    ) -> Iterator[psycopg2.extensions.cursor]:
        with self._transaction(), self._connection.cursor(name="stream") as cursor:
            if batch_size is not None:
                cursor.itersize = batch_size
            cursor.execute(read, arguments)
            yield cursor

    @contextmanager
    def stream(
        self, read: str, *arguments: Any, batch_size: int | None = None
    ) -> Iterator[Iterator[Any]]:
        with self._server_cursor(read, arguments, batch_size) as cursor:
            yield iter(cursor)

    @contextmanager
    def stream_batches(
        self, read: str, *arguments: Any, batch_size: int | None = None
    ) -> Iterator[Iterator[Rows]]:
        with self._server_cursor(read, arguments, batch_size) as cursor:
            yield iter(partial(cursor.fetchmany, cursor.itersize), [])

    @contextmanager
    def iterate(self, read: str, *arguments: Any) -> Iterator[Iterator[Any]]:
        """Yield a client-side cursor. It is no stream: all rows are in memory before the first."""
        with self._connection.cursor() as cursor:
            cursor.execute(read, arguments)
            yield iter(cursor)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        connection = self._connection
        autocommit = connection.autocommit
        # `with connection` is a transaction under autocommit too, but a named cursor checks only
        # this attribute. Setting it sends nothing. After a read has begun a transaction, psycopg2
        # refuses to set it.
        if autocommit:
            connection.autocommit = False
        try:
            with connection:
                yield
        finally:
            if autocommit and not connection.closed:
                connection.autocommit = True

    def insert_order_items(self, order_id: int, items: Sequence[Line]) -> None:
        with self._transaction(), self._connection.cursor() as cursor:
            self._insert_lines(cursor, order_id, items)

    def add_new_order_for_customer(self, customer_id: int, items: Sequence[Line]) -> int:
        with self._transaction(), self._connection.cursor() as cursor:
            cursor.execute(_INSERT_ORDER, (customer_id,))
            order_id: int
            (order_id,) = cursor.fetchone() or ()
            self._insert_lines(cursor, order_id, items)
            return order_id

    @staticmethod
    def _insert_lines(
        cursor: psycopg2.extensions.cursor, order_id: int, items: Sequence[Line]
    ) -> None:
        # executemany would send one statement per line:
        # https://www.psycopg.org/docs/extras.html#fast-execution-helpers
        if items:
            psycopg2.extras.execute_values(
                cursor, _INSERT_LINES, [(order_id, *item) for item in items]
            )


class Psycopg2(Backend):
    name = driver = "psycopg2"
    layer = "driver"
    placeholders = "percent"
    also = ("iterate",)
    requires = {"psycopg2": "psycopg2-binary"}
    connect_options = ("psycopg2",)
    when_pool_is_empty = "raise"
    shapes = {
        "get_customers": FlatCustomers,
        "get_orders_of_customer": FlatOrders,
        "get_orders_between_dates": FlatOrders,
    }
    card = {
        "rows": "tuple",
        "pool": "psycopg2.pool.ThreadedConnectionPool",
        "prepared": "never",
        "default_batch": "2000 (itersize)",
        "writes": "execute_values: all lines in one statement",
    }

    @contextmanager
    def open(self, target: Target) -> Iterator[None]:
        size = target.pool_size
        self._autocommit = target.transactions == "autocommit"
        self._pool = psycopg2.pool.ThreadedConnectionPool(size, size, target.url, **target.connect)
        try:
            yield
        finally:
            self._pool.closeall()

    @contextmanager
    def accessor(self) -> Iterator[Accessor]:
        connection = self._pool.getconn()
        try:
            connection.autocommit = self._autocommit
            yield Psycopg2Accessor(connection)
        finally:
            self._pool.putconn(connection)


BACKENDS = (Psycopg2(),)
