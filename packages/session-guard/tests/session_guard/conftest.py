"""A PostgreSQL with one small table, engines on it, and event loops to use them from."""

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
"""Projects for the plugin's tests, some of whose tests have to fail."""


class Base(AsyncAttrs, DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


class Desk:
    """The table `note`, ways to it, and an eye of its own on what is truly there."""

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
        """Of guarded sessions, on a pool that is warm: only then is sharing silent."""
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
        """What is committed."""
        rows = self._eye.execute("SELECT text FROM note ORDER BY text").fetchall()
        return [text for (text,) in rows]


@pytest.fixture(scope="session")
def note_url(server: EmbeddedServer) -> Iterator[str]:
    with new_database(server, durable=False) as database:
        with database.connect() as connection:
            connection.execute("CREATE TABLE note (id serial PRIMARY KEY, text text NOT NULL)")
        yield database.url


@pytest.fixture
def desk(note_url: str) -> Iterator[Desk]:
    """The empty table. No violation is left over from elsewhere."""
    violations(clear=True)
    with Database(note_url).connect() as eye:
        eye.execute("SET lock_timeout = '20s'")  # a test that leaks a transaction says so here
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
