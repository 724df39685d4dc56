"""psycopg 3, without SQLAlchemy."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from psycopg import Connection, Cursor, ServerCursor
from psycopg_pool import ConnectionPool

from accessors import sql
from accessors.api import Accessor, Backend, Line, Rows, Target
from accessors.rows import FlatCustomers, FlatOrders

_INSERT_ORDER = sql.percent(sql.INSERT_ORDER)
_INSERT_LINE = sql.percent(sql.INSERT_LINE)


class PsycopgAccessor(Accessor):
    reads = streamed_reads = sql.PERCENT

    def __init__(self, connection: Connection[Any]) -> None:
        self.native = self._connection = connection

    def fetch_all(self, read: str, *arguments: Any) -> Rows:
        cursor = self._connection.execute(read, arguments)
        return cursor.fetchall()

    def fetch_value(self, read: str, *arguments: Any) -> Any:
        cursor = self._connection.execute(read, arguments)
        (value,) = cursor.fetchone() or (None,)
        return value

    @contextmanager
    def _transaction(self) -> Iterator[Connection[Any]]:
        # psycopg's own transaction() is not enough: within the transaction that an implicit read
        # began it makes only a savepoint, and the rows are not committed when it ends.
        connection = self._connection
        if connection.autocommit:
            with connection.transaction():
                yield connection
            return
        try:
            yield connection
            connection.commit()
        except BaseException:
            if not connection.closed:
                connection.rollback()
            raise

    @contextmanager
    def stream(
        self, read: str, *arguments: Any, batch_size: int | None = None
    ) -> Iterator[ServerCursor[Any]]:
        with self._transaction() as connection, connection.cursor(name="stream") as cursor:
            if batch_size is not None:
                cursor.itersize = batch_size
            cursor.execute(read, arguments)
            yield cursor

    @contextmanager
    def stream_batches(
        self, read: str, *arguments: Any, batch_size: int | None = None
    ) -> Iterator[Iterator[Rows]]:
        with self.stream(read, *arguments, batch_size=batch_size) as cursor:
            yield _batches(cursor)

    @contextmanager
    def iterate(self, read: str, *arguments: Any) -> Iterator[Cursor[Any]]:
        """Yield a client-side cursor. It is no stream: all rows are in memory before the first."""
        yield self._connection.execute(read, arguments)

    @contextmanager
    def stream_single_rows(
        self, read: str, *arguments: Any, batch_size: int | None = None
    ) -> Iterator[Iterator[Any]]:
        with self._transaction() as connection, connection.cursor() as cursor:
            rows: Any = cursor.stream(read, arguments, size=batch_size or 1)
            with closing(rows):
                yield rows

    def insert_order_items(self, order_id: int, items: Sequence[Line]) -> None:
        with self._transaction() as connection, connection.cursor() as cursor:
            cursor.executemany(_INSERT_LINE, [(order_id, *item) for item in items])

    def add_new_order_for_customer(self, customer_id: int, items: Sequence[Line]) -> int:
        with self._transaction() as connection, connection.cursor() as cursor:
            cursor.execute(_INSERT_ORDER, (customer_id,))
            order_id: int = (cursor.fetchone() or (0,))[0]
            cursor.executemany(_INSERT_LINE, [(order_id, *item) for item in items])
            return order_id


def _batches(cursor: ServerCursor[Any]) -> Iterator[Rows]:
    while batch := cursor.fetchmany(cursor.itersize):
        yield batch


class Psycopg(Backend):
    name = "psycopg"
    driver = "psycopg"
    layer = "driver"
    placeholders = "percent"
    also = ("iterate", "stream_single_rows")
    requires = {"psycopg": "psycopg[binary]", "psycopg_pool": "psycopg-pool"}
    connect_options = ("psycopg",)
    when_pool_is_empty = "wait"
    shapes = {
        "get_customers": FlatCustomers,
        "get_orders_of_customer": FlatOrders,
        "get_orders_between_dates": FlatOrders,
    }
    card = {
        "rows": "tuple",
        "pool": "psycopg_pool.ConnectionPool",
        "prepared": "after 5 uses on a connection",
        "default_batch": "100 (itersize)",
        "writes": "executemany: pipelined, a statement a line",
    }

    @contextmanager
    def open(self, target: Target) -> Iterator[None]:
        size = target.pool_size
        self._pool_timeout_s = target.pool_timeout_s
        autocommit = target.transactions == "autocommit"
        options = {"autocommit": autocommit, **target.connect}
        self._pool = ConnectionPool(
            target.url, min_size=size, max_size=size, open=False, kwargs=options
        )
        with self._pool:
            self._pool.wait()
            yield

    @contextmanager
    def accessor(self) -> Iterator[Accessor]:
        with self._pool.connection(timeout=self._pool_timeout_s) as connection:
            yield PsycopgAccessor(connection)


BACKENDS = (Psycopg(),)
