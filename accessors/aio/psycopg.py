"""psycopg 3, without SQLAlchemy."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

from psycopg import AsyncConnection, AsyncCursor, AsyncServerCursor
from psycopg_pool import AsyncConnectionPool

from accessors import sql
from accessors.api import AsyncAccessor, AsyncBackend, Line, Rows, Target
from accessors.rows import FlatCustomers, FlatOrders

_INSERT_ORDER = sql.percent(sql.INSERT_ORDER)
_INSERT_LINE = sql.percent(sql.INSERT_LINE)


class AsyncPsycopgAccessor(AsyncAccessor):
    reads = streamed_reads = sql.PERCENT

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self.native = self._connection = connection

    async def fetch_all(self, read: str, *arguments: Any) -> Rows:
        cursor = await self._connection.execute(read, arguments)
        return await cursor.fetchall()

    async def fetch_value(self, read: str, *arguments: Any) -> Any:
        cursor = await self._connection.execute(read, arguments)
        (value,) = await cursor.fetchone() or (None,)
        return value

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection[Any]]:
        # psycopg's own transaction() is not enough: within the transaction that an implicit read
        # began it makes only a savepoint, and the rows are not committed when it ends.
        connection = self._connection
        if connection.autocommit:
            async with connection.transaction():
                yield connection
            return
        try:
            yield connection
            await connection.commit()
        except BaseException:
            if not connection.closed:
                await connection.rollback()
            raise

    @asynccontextmanager
    async def stream(
        self, read: str, *arguments: Any, batch_size: int | None = None
    ) -> AsyncIterator[AsyncServerCursor[Any]]:
        async with self._transaction() as connection, connection.cursor(name="stream") as cursor:
            if batch_size is not None:
                cursor.itersize = batch_size
            await cursor.execute(read, arguments)
            yield cursor

    @asynccontextmanager
    async def stream_batches(
        self, read: str, *arguments: Any, batch_size: int | None = None
    ) -> AsyncIterator[AsyncIterator[Rows]]:
        async with self.stream(read, *arguments, batch_size=batch_size) as cursor:
            yield _batches(cursor)

    @asynccontextmanager
    async def iterate(self, read: str, *arguments: Any) -> AsyncIterator[AsyncCursor[Any]]:
        """Yield a client-side cursor. It is no stream: all rows are in memory before the first."""
        yield await self._connection.execute(read, arguments)

    @asynccontextmanager
    async def stream_single_rows(
        self, read: str, *arguments: Any, batch_size: int | None = None
    ) -> AsyncIterator[AsyncIterator[Any]]:
        async with self._transaction() as connection, connection.cursor() as cursor:
            rows: Any = cursor.stream(read, arguments, size=batch_size or 1)
            async with aclosing(rows):
                yield rows

    async def insert_order_items(self, order_id: int, items: Sequence[Line]) -> None:
        async with self._transaction() as connection, connection.cursor() as cursor:
            await cursor.executemany(_INSERT_LINE, [(order_id, *item) for item in items])

    async def add_new_order_for_customer(self, customer_id: int, items: Sequence[Line]) -> int:
        async with self._transaction() as connection, connection.cursor() as cursor:
            await cursor.execute(_INSERT_ORDER, (customer_id,))
            order_id: int = (await cursor.fetchone() or (0,))[0]
            await cursor.executemany(_INSERT_LINE, [(order_id, *item) for item in items])
            return order_id


async def _batches(cursor: AsyncServerCursor[Any]) -> AsyncIterator[Rows]:
    while batch := await cursor.fetchmany(cursor.itersize):
        yield batch


class AsyncPsycopg(AsyncBackend):
    name = "psycopg-async"
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
        "pool": "psycopg_pool.AsyncConnectionPool",
        "prepared": "after 5 uses on a connection",
        "default_batch": "100 (itersize)",
        "writes": "executemany: pipelined, a statement a line",
    }

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[None]:
        size = target.pool_size
        self._pool_timeout_s = target.pool_timeout_s
        autocommit = target.transactions == "autocommit"
        options = {"autocommit": autocommit, **target.connect}
        self._pool = AsyncConnectionPool(
            target.url, min_size=size, max_size=size, open=False, kwargs=options
        )
        async with self._pool:
            await self._pool.wait()
            yield

    @asynccontextmanager
    async def accessor(self) -> AsyncIterator[AsyncAccessor]:
        async with self._pool.connection(timeout=self._pool_timeout_s) as connection:
            yield AsyncPsycopgAccessor(connection)


BACKENDS = (AsyncPsycopg(),)
