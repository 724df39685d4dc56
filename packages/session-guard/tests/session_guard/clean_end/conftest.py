"""After a violation nothing is left open, on either driver and by each way to leave a block."""

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import SAWarning
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from tests.session_guard.conftest import Desk
from tests.session_guard.frameworks.conftest import CONNECT

WAYS = "returns", "raises", "is cancelled"
SLEEP = text("SELECT pg_sleep(0.1)")
WAIT = text("SELECT pg_advisory_xact_lock_shared(1)")
"""A statement that ends when the gate is opened."""


BUSY = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE pid = ANY(:pids) AND pid <> pg_backend_pid() AND state <> 'idle'"
)


class MineError(Exception):
    """The application's own error, which must reach the caller."""


class Gate:
    """A lock that statements wait for, so that none ends while a slow machine leaves the block."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute("SELECT pg_advisory_lock(1)")

    async def reached(self) -> None:
        """Wait until a statement waits for the lock."""
        waiting = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        async with asyncio.timeout(60):
            while not self._connection.execute(waiting).fetchall():  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    def open(self) -> None:
        """Let all statements end."""
        self._connection.close()


@pytest.fixture
def gate(desk: Desk) -> Iterator[Gate]:
    shut = Gate(desk.url)
    yield shut
    shut.open()


@pytest.fixture(params=["asyncpg", "psycopg"])
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def small_pool(desk: Desk, driver: str) -> AsyncIterator[AsyncEngine]:
    """Yield an engine with two connections; then check that the pool has both, and can give one."""
    engine = create_async_engine(
        f"postgresql+{driver}://",
        async_creator=lambda: CONNECT[driver](desk.url),
        pool_size=2,
        max_overflow=0,
        pool_timeout=5,
    )
    async with engine.connect() as first, engine.connect() as second:
        pids = [await c.scalar(text("SELECT pg_backend_pid()")) for c in (first, second)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", SAWarning)
        yield engine
        gc.collect()
    pool: Any = engine.pool
    assert pool.checkedout() == 0
    options: Any = {"isolation_level": "AUTOCOMMIT"}  # a transaction would see no new states
    async with engine.connect() as plain, asyncio.timeout(60):
        connection = await plain.execution_options(**options)
        # An abandoned statement ends later.
        while await connection.scalar(BUSY, {"pids": pids}):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    await engine.dispose()


async def leave(use: Callable[[], Awaitable[Any]], way: str, gate: Gate) -> asyncio.Task[Any]:
    """Start a task that is in the middle of its statement, and leave in this way."""
    child = asyncio.ensure_future(use())
    await gate.reached()
    if way == "raises":
        raise MineError
    if way == "is cancelled":
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1)
    return child  # type: ignore[return-value]


async def outcome(work: Any, gate: Gate | None = None) -> BaseException | None:
    """Run the work in a task, and return its exception. All tasks have ended afterwards."""
    task = asyncio.create_task(work)
    await asyncio.wait([task], timeout=1 if gate else None)  # a refused close may wait, or not
    if gate:
        gate.open()
        await asyncio.wait([task])
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=30)
    return asyncio.CancelledError() if task.cancelled() else task.exception()
