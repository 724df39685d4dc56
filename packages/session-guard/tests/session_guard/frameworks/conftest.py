"""Applications on real servers, each with a guarded engine of either async driver."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import psycopg
import pytest
import uvicorn
from session_guard import GuardedSession, guard_engine, guard_everything, violations
from session_guard.install import unguard_everything
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from tests.session_guard.conftest import Desk

Maker = async_sessionmaker[AsyncSession]
CONNECT = {"asyncpg": asyncpg.connect, "psycopg": psycopg.AsyncConnection.connect}


@pytest.fixture(params=["asyncpg", "psycopg"])
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["by name", "everything"])
def guarding(request: pytest.FixtureRequest) -> Iterator[str]:
    """Use GuardedSession on a guarded engine, or plain sessions with `guard_everything`."""
    if request.param == "everything":
        guard_everything()
    yield request.param
    if request.param == "everything":
        unguard_everything()


Open = Callable[[], Any]


@pytest.fixture
def opened(desk: Desk, driver: str, guarding: str) -> Open:
    """Open an engine and yield its sessionmaker; then check that no connection is out."""

    @asynccontextmanager
    async def open_maker() -> AsyncIterator[Maker]:
        engine = create_async_engine(
            f"postgresql+{driver}://", async_creator=lambda: CONNECT[driver](desk.url)
        )
        options: dict[str, Any] = {}
        if guarding == "by name":
            guard_engine(engine)
            options["sync_session_class"] = GuardedSession
        yield async_sessionmaker(engine, expire_on_commit=False, **options)
        async with asyncio.timeout(30):  # a deferred close may still be running
            while engine.pool.checkedout():  # type: ignore[attr-defined]  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await engine.dispose()

    return open_maker


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Serve an ASGI application by uvicorn, and yield a client for it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="critical", lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        port = listener.getsockname()[1]
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                yield client
        finally:
            server.should_exit = True
            await serving


def run(scenario: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(scenario, 60))


def kinds() -> list[str]:
    return [found.kind for found in violations(clear=True)]
