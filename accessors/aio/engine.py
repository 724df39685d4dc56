"""One engine per process. Its pool has one open connection per client before the first call."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from accessors.api import Target
from accessors.engine_arguments import (
    adapter_arguments,
    connect_arguments,
    kept_connections,
    pool_arguments,
)

# SQLAlchemy 2.1 is installed without greenlet. Both modes need it: the mapped base has AsyncAttrs.
_SQLALCHEMY = {"sqlalchemy": "sqlalchemy[asyncio]", "greenlet": "sqlalchemy[asyncio]"}
REQUIRES = {
    "asyncpg": _SQLALCHEMY | {"asyncpg": "asyncpg"},
    "psycopg": _SQLALCHEMY | {"psycopg": "psycopg[binary]"},
}

_POOL = "AsyncAdaptedQueuePool, no overflow"
CARD = {
    "asyncpg": {
        "pool": _POOL,
        "prepared": "always, cached by SQLAlchemy's adapter",
        "default_batch": "Core 1 growing to 1000; ORM all rows",
        "writes": "executemany: pipelined, a statement a line",
    },
    "psycopg": {
        "pool": _POOL,
        "prepared": "after 5 uses on a connection",
        "default_batch": "Core 1 growing to 1000; ORM all rows",
        "writes": "executemany: pipelined, a statement a line",
    },
}


def _connect(driver: str) -> Callable[..., Awaitable[Any]]:
    # The driver's own connect function, so that every library gets the same URL in the same form.
    if driver == "asyncpg":
        import asyncpg

        return asyncpg.connect
    import psycopg

    return psycopg.AsyncConnection.connect


def _adapted(engine: AsyncEngine, connect: Callable[..., Any], target: Target) -> Any:
    """Return a new connection in SQLAlchemy's adapter of its driver.

    `async_creator` does the same, but passes no arguments on to the adapter:
    https://docs.sqlalchemy.org/en/20/core/engines.html (create_async_engine)
    """
    dbapi: Any = engine.sync_engine.dialect.dbapi
    return dbapi.connect(async_creator_fn=connect, **adapter_arguments(target))


@asynccontextmanager
async def open_engine(driver: str, target: Target) -> AsyncIterator[AsyncEngine]:
    """Yield an engine on `target` with every connection of its pool open; then dispose of it."""
    autocommit = {"isolation_level": "AUTOCOMMIT"} if target.transactions == "autocommit" else {}
    connect = partial(_connect(driver), target.url, **connect_arguments(target))
    make = target.make_engine or create_async_engine
    engine: AsyncEngine = make(
        f"postgresql+{driver}://",
        creator=lambda: _adapted(engine, connect, target),
        **(pool_arguments(target) | autocommit),
    )
    try:
        async with AsyncExitStack() as connections:
            for _ in range(kept_connections(target)):
                await connections.enter_async_context(engine.connect())
        yield engine
    finally:
        await engine.dispose()
