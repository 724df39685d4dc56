"""asyncpg, without SQLAlchemy. It has no sync twin."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from accessors import sql
from accessors.api import AsyncAccessor, AsyncBackend, Line, Rows, Target
from accessors.rows import FlatCustomers, FlatOrders

_DEFAULT_BATCH = 50  # the default of asyncpg's prefetch; cursor.fetch() has no default


class AsyncpgAccessor(AsyncAccessor):
    reads = streamed_reads = sql.NUMBERED

    def __init__(self, connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]") -> None:
        self.native = self._connection = connection

    def fetch_all(self, read: str, *arguments: Any) -> Awaitable[Rows]:
        return self._connection.fetch(read, *arguments)

    def fetch_value(self, read: str, *arguments: Any) -> Awaitable[Any]:
        return self._connection.fetchval(read, *arguments)

    @asynccontextmanager
    async def stream(
        self, read: str, *arguments: Any, batch_size: int | None = None
    ) -> AsyncIterator[AsyncIterator[Any]]:
        async with self._connection.transaction():
            yield aiter(self._connection.cursor(read, *arguments, prefetch=batch_size))

    @asynccontextmanager
    async def stream_batches(
        self, read: str, *arguments: Any, batch_size: int | None = None
    ) -> AsyncIterator[AsyncIterator[Rows]]:
        async with self._connection.transaction():
            cursor = await self._connection.cursor(read, *arguments)
            yield _batches(cursor, batch_size or _DEFAULT_BATCH)

    async def insert_order_items(self, order_id: int, items: Sequence[Line]) -> None:
        async with self._connection.transaction():
            await self._insert_lines(order_id, items)

    async def add_new_order_for_customer(self, customer_id: int, items: Sequence[Line]) -> int:
        async with self._connection.transaction():
            order_id: int = await self._connection.fetchval(sql.INSERT_ORDER, customer_id)
            await self._insert_lines(order_id, items)
            return order_id

    async def _insert_lines(self, order_id: int, items: Sequence[Line]) -> None:
        await self._connection.executemany(sql.INSERT_LINE, [(order_id, *item) for item in items])


async def _batches(
    cursor: "asyncpg.cursor.Cursor[asyncpg.Record]", batch_size: int
) -> AsyncIterator[Rows]:
    while batch := await cursor.fetch(batch_size):
        yield batch


class Asyncpg(AsyncBackend):
    name = driver = "asyncpg"
    layer = "driver"
    placeholders = "numbered"
    requires = {"asyncpg": "asyncpg"}
    connect_options = ("asyncpg",)
    when_pool_is_empty = "wait"
    shapes = {
        "get_customers": FlatCustomers,
        "get_orders_of_customer": FlatOrders,
        "get_orders_between_dates": FlatOrders,
    }
    card = {
        "rows": "asyncpg.Record",
        "pool": "asyncpg.Pool (its reset on release is a round trip)",
        "prepared": "always, cached",
        "default_batch": f"{_DEFAULT_BATCH} (prefetch)",
        "writes": "executemany: pipelined, a statement a line",
    }
    # asyncpg begins a transaction only on request, so it has no implicit ones.
    transactions = ("autocommit",)

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[None]:
        size = target.pool_size
        self._pool_timeout_s = target.pool_timeout_s
        async with asyncpg.create_pool(
            target.url, min_size=size, max_size=size, **target.connect
        ) as self._pool:
            yield

    @asynccontextmanager
    async def accessor(self) -> AsyncIterator[AsyncAccessor]:
        async with self._pool.acquire(timeout=self._pool_timeout_s) as connection:
            yield AsyncpgAccessor(connection)


BACKENDS = (Asyncpg(),)
