"""SQLAlchemy Core, over each of its async drivers."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncResult

from accessors.aio.engine import CARD, REQUIRES, open_engine
from accessors.api import AsyncAccessor, AsyncBackend, Line, Rows, Target
from accessors.connect_options import ENGINE
from accessors.rows import FlatCustomers, FlatOrders
from accessors.statements import (
    CORE,
    INSERT_LINES,
    INSERT_ORDER,
    READ_COMMITTED,
    TOTAL_COST,
    Read,
    lines_of,
    stream_options,
)


class AsyncCoreAccessor(AsyncAccessor):
    reads = streamed_reads = CORE

    def __init__(self, connection: AsyncConnection, *, autocommit: bool) -> None:
        self.native = self._connection = connection
        self._autocommit = autocommit

    async def fetch_all(self, read: Read, *arguments: Any) -> Rows:
        result = await self._connection.execute(read.statement, read.bind(*arguments))
        rows: Rows = result.all()
        return rows

    def fetch_value(self, read: Read, *arguments: Any) -> Awaitable[Any]:
        return self._connection.scalar(read.statement, read.bind(*arguments))

    def get_total_cost_of_an_order(self, order_id: int) -> Awaitable[Decimal | None]:
        return self._connection.scalar(TOTAL_COST, {"order_id": order_id})

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        connection = self._connection
        if self._autocommit:
            # The transaction that autocommit reads began exists only on the client's side, so this
            # rollback sends nothing.
            await connection.rollback()
            await connection.execution_options(isolation_level=READ_COMMITTED)
        try:
            yield connection
            await connection.commit()
        except BaseException:
            await connection.rollback()
            raise
        finally:
            if self._autocommit and not connection.invalidated:
                await connection.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def stream(
        self, read: Read, *arguments: Any, batch_size: int | None = None
    ) -> AsyncIterator[AsyncResult[Any]]:
        options = stream_options(batch_size)
        async with self._transaction() as connection:
            result = await connection.stream(
                read.statement, read.bind(*arguments), execution_options=options
            )
            # SQLAlchemy's own `async with connection.stream(...)` closes nothing on an exception.
            try:
                yield result
            finally:
                await result.close()

    @asynccontextmanager
    async def stream_batches(
        self, read: Read, *arguments: Any, batch_size: int | None = None
    ) -> AsyncIterator[AsyncIterator[Rows]]:
        async with self.stream(read, *arguments, batch_size=batch_size) as result:
            yield result.partitions()

    async def insert_order_items(self, order_id: int, items: Sequence[Line]) -> None:
        async with self._transaction() as connection:
            await self._insert_lines(connection, order_id, items)

    async def add_new_order_for_customer(self, customer_id: int, items: Sequence[Line]) -> int:
        async with self._transaction() as connection:
            order = {"customer_id": customer_id}
            order_id: int = (await connection.execute(INSERT_ORDER, order)).scalar_one()
            await self._insert_lines(connection, order_id, items)
            return order_id

    @staticmethod
    async def _insert_lines(
        connection: AsyncConnection, order_id: int, items: Sequence[Line]
    ) -> None:
        if items:
            await connection.execute(INSERT_LINES, lines_of(order_id, items))


class AsyncCore(AsyncBackend):
    layer = "core"
    when_pool_is_empty = "wait"
    placeholders = "sqlalchemy"
    shapes = {
        "get_customers": FlatCustomers,
        "get_orders_of_customer": FlatOrders,
        "get_orders_between_dates": FlatOrders,
    }

    def __init__(self, name: str, driver: str) -> None:
        self.name = name
        self.driver = driver
        self.requires = REQUIRES[driver]
        self.connect_options = (driver, ENGINE)
        self.card = CARD[driver] | {"rows": "sqlalchemy.Row"}

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[None]:
        self._autocommit = target.transactions == "autocommit"
        async with open_engine(self.driver, target) as self._engine:
            yield

    @asynccontextmanager
    async def accessor(self) -> AsyncIterator[AsyncAccessor]:
        async with self._engine.connect() as connection:
            yield AsyncCoreAccessor(connection, autocommit=self._autocommit)


BACKENDS = (AsyncCore("core+asyncpg", "asyncpg"), AsyncCore("core+psycopg-async", "psycopg"))
