"""The options of `Target` reach the library, and the server shows what they do."""

import asyncio
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import psycopg
import pytest

from accessors import load
from accessors.api import Target
from accessors.connect_options import GROUPS, options
from bench.dataset import loading
from bench.model.connect import arguments
from bench.model.dataset import Dataset
from bench.server.database import Database
from bench.server.url import changed

PREPARED = "SELECT count(*) FROM pg_prepared_statements WHERE statement NOT LIKE '%prepared%'"
NAME = "options"


def prepared(database: Database, backend: str, connect: str, times: int = 7) -> int:
    """Return how many statements the session has prepared after some point reads."""
    found: Any = load(backend)
    driver, engine = arguments(connect)
    target = Target(database.url_for(found.driver), 1, "autocommit", driver, engine)
    if found.mode == "sync":
        with found.open(target), found.accessor() as accessor:
            for _ in range(times):
                accessor.get_total_cost_of_an_order(1)
            return int(accessor._connection.execute(PREPARED).fetchone()[0])

    async def work() -> int:
        async with found.open(target), found.accessor() as accessor:
            for _ in range(times):
                await accessor.get_total_cost_of_an_order(1)
            return int(await accessor._connection.fetchval(PREPARED))

    return asyncio.run(work())


@pytest.fixture
def shop(database: Database) -> Database:
    with database.connect() as connection:
        loading.ensure(connection, Dataset(scale=0.01, seed=1))
    return database


def test_asyncpg_without_its_cache_prepares_nothing_that_stays(shop: Database) -> None:
    assert prepared(shop, "asyncpg", "") >= 1
    assert prepared(shop, "asyncpg", "asyncpg.statement_cache_size=0") == 0


def test_psycopg_prepares_at_once_late_or_never(shop: Database) -> None:
    assert prepared(shop, "psycopg", "", times=2) == 0
    assert prepared(shop, "psycopg", "psycopg.prepare_threshold=0", times=2) == 1
    assert prepared(shop, "psycopg", "", times=7) == 1
    assert prepared(shop, "psycopg", "psycopg.prepare_threshold=none", times=7) == 0


def sessions(database: Database) -> set[int]:
    """Return the server processes that the backend's sessions have now."""
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"
    with psycopg.connect(database.url) as connection:
        return {pid for (pid,) in connection.execute(query, [NAME])}


@pytest.mark.parametrize("backend", ["core+psycopg2", "core+psycopg", "orm+psycopg"])
def test_no_pool_keeps_no_connection(shop: Database, backend: str) -> None:
    """Forbids a pool beside `engine.poolclass=NullPool`, and connections opened before the time."""
    found: Any = load(backend)
    url = changed(shop.url_for(found.driver), application_name=NAME)
    _, engine = arguments("engine.poolclass=NullPool,engine.pool_pre_ping=true")
    with ExitStack() as stack:
        stack.enter_context(found.open(Target(url, 3, engine=engine)))
        assert not sessions(shop)
        with found.accessor() as accessor:
            accessor.get_total_cost_of_an_order(1)
            assert len(sessions(shop)) == 1


@pytest.mark.parametrize("backend", ["core+asyncpg", "orm+asyncpg", "core+psycopg-async"])
def test_no_pool_keeps_no_connection_async(shop: Database, backend: str) -> None:
    found: Any = load(backend)
    url = changed(shop.url_for(found.driver), application_name=NAME)
    _, engine = arguments("engine.poolclass=NullPool")

    async def work() -> None:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(found.open(Target(url, 3, engine=engine)))
            assert not sessions(shop)
            async with found.accessor() as accessor:
                await accessor.get_total_cost_of_an_order(1)
                assert len(sessions(shop)) == 1

    asyncio.run(work())


def test_names_of_sqlalchemy_s_adapter_reach_it(shop: Database) -> None:
    """Forbids that `async_creator` drops what only the adapter of asyncpg knows."""
    found: Any = load("core+asyncpg")
    text = "engine.prepared_statement_cache_size=5,engine.prepared_statement_name_func=uuid"
    driver, engine = arguments(text)
    target = Target(shop.url_for("asyncpg"), 1, "implicit", driver, engine)

    async def work() -> list[str]:
        async with found.open(target), found.accessor() as accessor:
            await accessor.get_total_cost_of_an_order(1)
            raw = await accessor._connection.get_raw_connection()
            names = await raw.driver_connection.fetch("SELECT name FROM pg_prepared_statements")
            return [row["name"] for row in names]

    assert any(len(name) == len("__asyncpg_" + "0" * 36 + "__") for name in asyncio.run(work()))


def test_every_option_of_an_engine_is_taken_by_create_engine() -> None:
    """Forbids a name in the table that SQLAlchemy refuses when the engine is made."""
    from sqlalchemy import create_engine

    from accessors.engine_arguments import pool_arguments

    values = {"whole number": "3", "number": "0.5", "true or false": "true", "text": "a"}
    for name, option in options("engine").items():
        driver = option.drivers[0] if option.drivers else "psycopg2"
        value = option.choices[-1] if option.choices else values[option.kind]
        _, engine = arguments(f"engine.{name}={value}")
        target = Target("postgresql://", 2, engine=engine)
        created = create_engine(f"postgresql+{driver}://", **pool_arguments(target))
        created.dispose()


def test_every_group_has_options_here() -> None:
    assert all(options(group) for group in GROUPS)
