"""A server that can prepare transactions; PostgreSQL can't by default."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest
from session_guard import GuardedSession, guard_engine, violations
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from tests.session_guard.conftest import Desk

from bench.server.database import Database
from bench.server.embedded import EmbeddedServer


class TwoPhaseDesk(Desk):
    """Engines of both async drivers: psycopg prepares by its API, asyncpg by statements."""

    driver = "psycopg"

    @asynccontextmanager
    async def unguarded_engine(self, **options: Any) -> AsyncIterator[AsyncEngine]:
        connect = {"psycopg": psycopg.AsyncConnection.connect, "asyncpg": asyncpg.connect}
        engine = create_async_engine(
            f"postgresql+{self.driver}://",
            async_creator=lambda: connect[self.driver](self.url),
            **options,
        )
        try:
            yield engine
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def engine(self, **options: Any) -> AsyncIterator[AsyncEngine]:
        async with self.unguarded_engine(**options) as engine:
            guard_engine(engine)
            yield engine

    @asynccontextmanager
    async def maker(self, **options: Any) -> AsyncIterator[async_sessionmaker[AsyncSession]]:
        async with self.engine() as engine:
            yield async_sessionmaker(
                engine, sync_session_class=GuardedSession, twophase=True, **options
            )

    def prepared(self) -> list[str]:
        """Return the prepared transactions on the server, which hold their locks."""
        rows = self._eye.execute("SELECT gid FROM pg_prepared_xacts ORDER BY gid").fetchall()
        return [gid for (gid,) in rows]

    def roll_back_prepared(self) -> None:
        for gid in self.prepared():
            self._eye.execute(psycopg.sql.SQL("ROLLBACK PREPARED {}").format(gid))


@pytest.fixture(scope="package")
def two_phase_url() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="gatherbench-test-") as folder:
        server = EmbeddedServer(Path(folder) / "postgres")
        with Database(server.start()).connect() as connection:
            connection.execute("ALTER SYSTEM SET max_prepared_transactions = 4")
            connection.execute("CREATE TABLE note (id serial PRIMARY KEY, text text NOT NULL)")
        server.stop()
        yield server.start()
        server.stop()


@pytest.fixture
def desk(two_phase_url: str) -> Iterator[TwoPhaseDesk]:
    violations(clear=True)
    with Database(two_phase_url).connect() as eye:
        eye.execute("SET lock_timeout = '20s'")
        eye.execute("TRUNCATE note")
        desk = TwoPhaseDesk(two_phase_url, eye)
        yield desk
        left = desk.prepared()
        desk.roll_back_prepared()
        assert left == []


@pytest.fixture(params=["psycopg", "asyncpg"])
def async_desk(desk: TwoPhaseDesk, request: pytest.FixtureRequest) -> TwoPhaseDesk:
    desk.driver = request.param
    return desk
