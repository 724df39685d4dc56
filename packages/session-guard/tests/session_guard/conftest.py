"""A PostgreSQL with one small table, engines on it, and event loops for them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import psycopg
import psycopg2
import pytest
import uvloop
from session_guard import GuardedSession, violations
from sqlalchemy import create_engine
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import (
    AsyncAttrs,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bench.server.database import Database
from bench.server.embedded import EmbeddedServer
from tests.databases import new_database

collect_ignore = ["samples"]
"""Sample projects for the tests of the plugin. Some of their tests must fail."""


class Base(AsyncAttrs, DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


class Desk:
    """The table `note`, access to it, and a separate connection that reads what is committed."""

    def __init__(self, url: str, eye: "psycopg.Connection[Any]") -> None:
        self.url, self._eye = url, eye

    @asynccontextmanager
    async def engine(self, **options: Any) -> AsyncIterator[AsyncEngine]:
        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(self.url), **options
        )
        try:
            yield engine
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def maker(self, **options: Any) -> AsyncIterator[async_sessionmaker[AsyncSession]]:
        """Yield a maker of guarded sessions on a warm pool. Only there is sharing silent."""
        async with self.engine() as engine:
            async with engine.connect(), engine.connect():
                pass
            yield async_sessionmaker(engine, sync_session_class=GuardedSession, **options)

    def sync_engine(self, **options: Any) -> Engine:
        return create_engine(
            "postgresql+psycopg2://", creator=lambda: psycopg2.connect(self.url), **options
        )

    @property
    def texts(self) -> list[str]:
        """Return the committed texts."""
        rows = self._eye.execute("SELECT text FROM note ORDER BY text").fetchall()
        return [text for (text,) in rows]


@pytest.fixture(scope="session")
def note_url(server: EmbeddedServer) -> Iterator[str]:
    with new_database(server) as database:
        with database.connect() as connection:
            connection.execute("CREATE TABLE note (id serial PRIMARY KEY, text text NOT NULL)")
        yield database.url


@pytest.fixture
def desk(note_url: str) -> Iterator[Desk]:
    """Yield the empty table. No violation of an earlier test is left."""
    violations(clear=True)
    with Database(note_url).connect() as eye:
        eye.execute("SET lock_timeout = '20s'")  # a test that leaks a transaction fails here
        eye.execute("TRUNCATE note")
        yield Desk(note_url, eye)


Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine to its end, in a loop of either kind."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def run(scenario: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(asyncio.wait_for(scenario, 30))

    return run
