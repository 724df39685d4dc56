"""The SQLAlchemy ORM, over each of its async drivers, as the workshop uses it."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncScalarResult, AsyncSession, async_sessionmaker

from accessors.aio.engine import CARD, REQUIRES, open_engine
from accessors.api import AsyncAccessor, AsyncBackend, Line, Rows, Target
from accessors.connect_options import ENGINE
from accessors.models import OrderItems, Orders
from accessors.rows import Entities, OrderEntities
from accessors.statements import (
    ORM,
    ORM_STREAMED,
    READ_COMMITTED,
    TOTAL_COST,
    Read,
    stream_options,
)


class AsyncOrmAccessor(AsyncAccessor):
    reads = ORM
    streamed_reads = ORM_STREAMED

    def __init__(self, session: AsyncSession, *, autocommit: bool) -> None:
        self.native = self._session = session
        self._autocommit = autocommit

    async def fetch_all(self, read: Read, *arguments: Any) -> Rows:
        result = await self._session.scalars(read.statement, read.bind(*arguments))
        return result.unique().all() if read.collections else result.all()

    def fetch_value(self, read: Read, *arguments: Any) -> Awaitable[Any]:
        return self._session.scalar(read.statement, read.bind(*arguments))

    def get_total_cost_of_an_order(self, order_id: int) -> Awaitable[Decimal | None]:
        return self._session.scalar(TOTAL_COST, {"order_id": order_id})

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncSession]:
        session = self._session
        if self._autocommit:
            # The transaction that autocommit reads began exists only on the client's side, so this
            # commit sends nothing. A rollback would expire every object that was read.
            await session.commit()
            await session.connection(execution_options={"isolation_level": READ_COMMITTED})
        try:
            yield session
            await session.commit()
        except BaseException:
            await session.rollback()
            raise

    @asynccontextmanager
    async def stream(
        self, read: Read, *arguments: Any, batch_size: int | None = None
    ) -> AsyncIterator[AsyncScalarResult[Any]]:
        options = stream_options(batch_size)
        async with self._transaction() as session:
            result = await session.stream_scalars(
                read.statement, read.bind(*arguments), execution_options=options
            )
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
        async with self._transaction() as session:
            session.add_all(
                OrderItems(order_id=order_id, item_id=item_id, quantity=quantity)
                for item_id, quantity in items
            )

    async def add_new_order_for_customer(self, customer_id: int, items: Sequence[Line]) -> int:
        lines = [OrderItems(item_id=item_id, quantity=quantity) for item_id, quantity in items]
        order = Orders(customer_id=customer_id, order_items=lines)
        async with self._transaction() as session:
            session.add(order)
        return order.id


class AsyncOrm(AsyncBackend):
    layer = "orm"
    when_pool_is_empty = "wait"
    shapes = {
        "get_customers": Entities,
        "get_orders_of_customer": OrderEntities,
        "get_orders_between_dates": OrderEntities,
    }

    def __init__(self, name: str, driver: str) -> None:
        self.name = name
        self.driver = driver
        self.requires = REQUIRES[driver]
        self.connect_options = (driver, ENGINE)
        self.card = CARD[driver] | {
            "rows": "mapped objects",
            "writes": "unit of work: flush, commit",
        }

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[None]:
        self._autocommit = target.transactions == "autocommit"
        async with open_engine(self.driver, target) as engine:
            self._sessions = async_sessionmaker(engine, expire_on_commit=False)
            yield

    @asynccontextmanager
    async def accessor(self) -> AsyncIterator[AsyncAccessor]:
        async with self._sessions() as session:
            yield AsyncOrmAccessor(session, autocommit=self._autocommit)


BACKENDS = (AsyncOrm("orm+asyncpg", "asyncpg"), AsyncOrm("orm+psycopg-async", "psycopg"))
