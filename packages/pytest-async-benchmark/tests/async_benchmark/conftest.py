"""A user's suite, empty or with an application on a real PostgreSQL."""

import pytest
from tests.async_benchmark.suite import Suite

from bench.server.database import Database

APPLICATION = """
import asyncio
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

loop_of_engine = {}

@asynccontextmanager
async def open_engine():
    engine = create_async_engine(URL)
    async with engine.connect() as connection:  # the pool now has a connection of this loop
        await connection.execute(text("select 1"))
    loop_of_engine[engine] = asyncio.get_running_loop()
    yield engine
    await engine.dispose()

def opener_of(engine):
    return async_sessionmaker(engine)

async def two(session):
    assert asyncio.get_running_loop() is loop_of_engine[session.bind]
    return await session.scalar(text("select 2"))
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Suite:
    return Suite(pytester)


@pytest.fixture
def application(suite: Suite, database: Database) -> Suite:
    url = database.url.replace("postgresql:", "postgresql+asyncpg:")
    suite.write(application=f"URL = {url!r}\n{APPLICATION}")
    return suite
