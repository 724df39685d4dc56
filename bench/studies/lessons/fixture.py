"""The application that a mistake uses: an engine, sessions, and a point where B interrupts A."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import QueuePool

from bench.server.drivers import driver_url
from bench.studies.lessons import guarded

if TYPE_CHECKING:
    import asyncpg
    import psycopg
    import psycopg2.extensions

NAP_S = 0.01
NAP = text(
    "SELECT extract(epoch FROM statement_timestamp())::float8,"
    f" extract(epoch FROM clock_timestamp())::float8 FROM pg_sleep({NAP_S})"
)
"""A statement of 10 ms that returns its start and its end by the server's clock."""

_TIMEOUT_S = 1.0


@dataclass
class Fixture:
    """An application on one engine. `url` is a libpq URL; `name` is its `application_name`.

    Threads have to read the attributes that they use before they start. From Python 3.12 on, two
    threads that read a cached_property at the same time make its value twice.
    https://docs.python.org/3/library/functools.html#functools.cached_property
    """

    url: str
    name: str
    driver: str = "asyncpg"
    guard: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._thinking, self._left = asyncio.Event(), asyncio.Event()

    @cached_property
    def engine(self) -> AsyncEngine:
        engine = self.make_engine()
        if self.guard:
            guarded.guard(engine)
        return engine

    @cached_property
    def sessions(self) -> async_sessionmaker[AsyncSession]:
        return async_sessionmaker(self.engine, **guarded.session_options(self.guard))

    @cached_property
    def sync_engine(self) -> Engine:
        """The engine on psycopg2, for threads."""
        engine = create_engine("postgresql+psycopg2://", creator=self.connect_psycopg2)
        if self.guard:
            guarded.guard(engine)
        return engine

    @cached_property
    def sync_sessions(self) -> sessionmaker[Session]:
        return sessionmaker(self.sync_engine, **guarded.sync_session_options(self.guard))

    def make_engine(self, **options: Any) -> AsyncEngine:
        """Return another engine on the same database, with `options`, and without the guard."""
        connect: Callable[..., Any] = {
            "asyncpg": self.connect_asyncpg,
            "psycopg": self.connect_psycopg,
        }[self.driver]
        return create_async_engine(
            f"postgresql+{self.driver}://", async_creator=connect, **{**self.options, **options}
        )

    async def connect_asyncpg(self) -> "asyncpg.Connection[Any]":
        import asyncpg

        settings = {"application_name": self.name}
        return await asyncpg.connect(driver_url(self.url, "asyncpg"), server_settings=settings)

    def asyncpg_pool(self, size: int) -> "asyncpg.Pool[Any]":
        """Return a pool. Entering it with `async with` opens `size` connections."""
        import asyncpg

        settings = {"application_name": self.name}
        url = driver_url(self.url, "asyncpg")
        return asyncpg.create_pool(url, min_size=size, max_size=size, server_settings=settings)

    async def connect_psycopg(self) -> "psycopg.AsyncConnection[Any]":
        import psycopg

        url = driver_url(self.url, "psycopg")
        return await psycopg.AsyncConnection.connect(url, application_name=self.name)

    def connect_psycopg2(self) -> "psycopg2.extensions.connection":
        import psycopg2

        return psycopg2.connect(driver_url(self.url, "psycopg2"), application_name=self.name)

    async def warm_up(self, connections: int) -> None:
        """Open this number of connections in the pool."""
        async with AsyncExitStack() as stack:
            for _ in range(connections):
                await stack.enter_async_context(self.engine.connect())

    def given_out(self) -> int:
        """Return the number of connections that are checked out: 0 when all tasks are done."""
        engines = [self.engine.sync_engine] if "engine" in vars(self) else []
        engines += [self.sync_engine] if "sync_engine" in vars(self) else []
        return sum(
            engine.pool.checkedout() for engine in engines if isinstance(engine.pool, QueuePool)
        )

    async def close(self) -> None:
        """Dispose of the engines that were used."""
        if "engine" in vars(self):
            await self.engine.dispose()
        if "sync_engine" in vars(self):
            self.sync_engine.dispose()

    def open(self) -> None:
        """Begin a trial: A does not think yet, and B has not left yet."""
        self._thinking.clear()
        self._left.clear()

    async def think(self) -> None:
        """Wait, as task A, until B has run.

        In an application the timing decides whether B runs here. In a lesson B always does.
        """
        self._thinking.set()
        await _soon(self._left)

    @asynccontextmanager
    async def meanwhile(self) -> AsyncIterator[None]:
        """Wait until A thinks, run the block as task B, and let A go on."""
        await self.until_a_thinks()
        try:
            yield
        finally:
            self.b_has_left()

    async def until_a_thinks(self) -> None:
        await _soon(self._thinking)

    def b_has_left(self) -> None:
        self._left.set()


async def _soon(event: asyncio.Event) -> None:
    """Wait for the event, but only for a time: the task that should set it may have failed."""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await event.wait()
    except TimeoutError:
        pass
