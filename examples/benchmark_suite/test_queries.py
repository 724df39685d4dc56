"""Benchmark coroutine functions on a pool: alone, and as sixteen tasks with a session each.

DATABASE_URL=postgresql://... pytest examples/benchmark_suite
"""

import os
from collections.abc import Iterator
from functools import partial

import asyncpg
import pytest
from async_benchmark import AsyncBenchmark
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)


@pytest.fixture(scope="module")
def engine(async_benchmark_runner) -> Iterator[AsyncEngine]:  # type: ignore[no-untyped-def]
    """An engine whose pool has a connection for every task."""
    connect = partial(asyncpg.connect, os.environ["DATABASE_URL"])
    made = create_async_engine("postgresql+asyncpg://", async_creator=connect, pool_size=16)
    yield made
    async_benchmark_runner.run(made.dispose())


async def count(session: AsyncSession, rows: int) -> int:
    """Return the number of rows that the server counts."""
    series = func.generate_series(1, rows).table_valued("number")
    return await session.scalar(select(func.count()).select_from(series)) or 0


@pytest.mark.parametrize("tasks", [1, 16])
def test_count(async_benchmark: AsyncBenchmark, engine: AsyncEngine, tasks: int) -> None:
    """Each task has a session of its own for all its calls."""
    counts = async_benchmark(count, 100, tasks=tasks, session=async_sessionmaker(engine))
    assert counts == [100] * tasks


def test_count_in_a_new_session(async_benchmark: AsyncBenchmark, engine: AsyncEngine) -> None:
    """Each call has a new session, as a web request has."""
    sessions = async_sessionmaker(engine)

    async def request(rows: int) -> int:
        async with sessions() as session:
            return await count(session, rows)

    assert async_benchmark(request, 100) == [100]
