"""Read rows through SQLAlchemy's ORM in three ways: buffered, as a false stream, and as a stream.

    DATABASE_URL=postgresql://... python examples/stream_rows.py

`stream_scalars` alone makes every object before it gives the first. With `yield_per` it streams.
"""

import asyncio
import os
import time
import tracemalloc
from collections.abc import AsyncIterator
from functools import partial

import asyncpg
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ROWS = int(os.environ.get("ROWS", "20000"))
BATCH = 1000


class Base(DeclarativeBase):
    """The tables of the example."""


class Reading(Base):
    """A measured value."""

    __tablename__ = "example_reading"
    id: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[str]


async def buffered(session: AsyncSession) -> AsyncIterator[Reading]:
    """Yield the rows of one list, which holds all of them."""
    for reading in (await session.scalars(select(Reading))).all():
        yield reading


async def false_stream(session: AsyncSession) -> AsyncIterator[Reading]:
    """Yield the rows of a stream without a batch size: the ORM makes all objects first."""
    async for reading in await session.stream_scalars(select(Reading)):
        yield reading


async def stream(session: AsyncSession) -> AsyncIterator[Reading]:
    """Yield the rows of a stream that fetches and makes `BATCH` objects at a time."""
    statement = select(Reading).execution_options(yield_per=BATCH)
    async for readings in (await session.stream_scalars(statement)).partitions():
        for reading in readings:
            yield reading


async def main() -> None:
    """Make the table, read it in each way, print what each costs, and remove the table."""
    connect = partial(asyncpg.connect, os.environ["DATABASE_URL"])
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect)
    sessions = async_sessionmaker(engine)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.run_sync(Base.metadata.create_all)
        rows = [{"id": number, "value": f"reading {number}"} for number in range(ROWS)]
        await connection.execute(insert(Reading), rows)
    print(f"{'':14}{'first row':>12}{'peak memory':>14}{'rows':>9}")
    for way in (buffered, false_stream, stream):
        tracemalloc.start()
        began, first_s, count = time.perf_counter(), 0.0, 0
        async with sessions() as session:
            async for _ in way(session):
                first_s = first_s or time.perf_counter() - began
                count += 1
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"{way.__name__:14}{first_s * 1e3:9.1f} ms{peak_bytes / 1e6:11.1f} MB{count:9,}")
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main())
