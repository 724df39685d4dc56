"""After a violation nothing is left open, on either driver and by each way to leave a block."""

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SAWarning
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from tests.session_guard.conftest import Desk
from tests.session_guard.frameworks.conftest import CONNECT

WAYS = "returns", "raises", "is cancelled"
SLEEP = text("SELECT pg_sleep(0.1)")


class MineError(Exception):
    """The application's own error, which must reach the caller."""


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
    async with engine.connect() as connection:
        idle = await connection.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE pid = ANY(:pids) AND pid <> pg_backend_pid() AND state <> 'idle'"
            ),
            {"pids": pids},
        )
        assert idle == 0
    await engine.dispose()


async def leave(use: Callable[[], Awaitable[Any]], way: str) -> asyncio.Task[Any]:
    """Start a task that is in the middle of its statement, and leave in this way."""
    child = asyncio.ensure_future(use())
    await asyncio.sleep(0.02)
    if way == "raises":
        raise MineError
    if way == "is cancelled":
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1)
    return child  # type: ignore[return-value]


async def outcome(work: Any) -> BaseException | None:
    """Run the work in a task, and return its exception. All tasks have ended afterwards."""
    task = asyncio.create_task(work)
    await asyncio.wait([task])
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=5)
    return asyncio.CancelledError() if task.cancelled() else task.exception()
