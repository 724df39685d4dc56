"""Sessions that FastAPI, litestar and aiohttp make for a request."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from fastapi import Depends, FastAPI
from fastapi.responses import StreamingResponse
from litestar import Litestar, Request, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath
from session_guard import violations
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from tests.session_guard.conftest import Desk, Note
from tests.session_guard.frameworks.conftest import Maker, Open, kinds, run, served


def fastapi_application(maker: Maker, scope: Any) -> FastAPI:
    app = FastAPI()

    async def get_session() -> AsyncIterator[AsyncSession]:
        async with maker() as session:
            yield session

    async def get_session_and_close_it() -> AsyncIterator[AsyncSession]:
        session = maker()
        try:
            yield session
        finally:
            await session.close()

    def get_session_in_a_thread() -> Iterator[AsyncSession]:
        yield maker()

    Opened = Annotated[AsyncSession, Depends(get_session, scope=scope)]  # noqa: N806
    Closed = Annotated[AsyncSession, Depends(get_session_and_close_it, scope=scope)]  # noqa: N806
    Threaded = Annotated[AsyncSession, Depends(get_session_in_a_thread, scope=scope)]  # noqa: N806

    async def save(words: str, session: AsyncSession) -> str:
        session.add(Note(text=words))
        await session.flush()
        await session.commit()
        return words

    @app.post("/opened/{words}")
    async def opened(words: str, session: Opened) -> str:
        return await save(words, session)

    @app.post("/closed/{words}")
    async def closed(words: str, session: Closed) -> str:
        return await save(words, session)

    @app.post("/threaded/{words}")
    async def threaded(words: str, session: Threaded) -> str:
        return await save(words, session)

    @app.post("/sync/{words}")
    def sync(words: str, session: Opened) -> str:
        session.add(Note(text=words))  # and never commits
        return words

    def stream_of(session: AsyncSession) -> StreamingResponse:
        async def body() -> AsyncIterator[str]:
            for row in await session.scalars(select(Note.text).order_by(Note.text)):
                yield row

        return StreamingResponse(body())

    @app.get("/opened")
    async def stream(session: Opened) -> StreamingResponse:
        await session.execute(text("SELECT 1"))
        return stream_of(session)

    @app.get("/closed")
    async def stream_closed(session: Closed) -> StreamingResponse:
        await session.execute(text("SELECT 1"))
        return stream_of(session)

    return app


@pytest.mark.parametrize("scope", ["request", "function"])
def test_dependencies_with_yield(desk: Desk, opened: Open, scope: str) -> None:
    """Forbids a report for the usual sessions of FastAPI, in either scope."""

    async def scenario() -> None:
        async with opened() as maker, served(fastapi_application(maker, scope)) as client:
            for path in ("opened/a", "closed/b", "threaded/c", "sync/lost"):
                assert (await client.post(path)).status_code == 200, path
            many = await asyncio.gather(*(client.post(f"opened/d{n}") for n in range(20)))
            assert {response.status_code for response in many} == {200}

    run(scenario())
    assert kinds() == []
    assert desk.texts == [*"abc", *sorted(f"d{n}" for n in range(20))]


@pytest.mark.parametrize("kind", ["opened", "closed"])
def test_a_stream_past_the_end_of_its_session(desk: Desk, opened: Open, kind: str) -> None:
    """Forbids that a session opens again unreported after its dependency has closed it, and keeps
    its connection: after as many streams as the pool has connections, no request is served."""

    async def scenario() -> None:
        async with opened() as maker:
            async with maker.begin() as session:
                session.add(Note(text="a"))
            async with served(fastapi_application(maker, "function")) as client:
                for _ in range(3):
                    assert (await client.get(kind)).text == "a"
                    await asyncio.sleep(0.05)
                    (found,) = violations(clear=True)
                    assert (found.kind, found.refused) == ("use after close", False)
                    assert "test_dependencies.py:" in found.at
                    assert "test_dependencies.py:" in found.holder_at
            # The fixture checks that all connections of the pool are returned.

    run(scenario())


@pytest.mark.parametrize("kind", ["opened", "closed"])
def test_a_stream_within_its_request(desk: Desk, opened: Open, kind: str) -> None:
    """Forbids a report if the dependency lives as long as the request."""

    async def scenario() -> None:
        async with opened() as maker:
            async with maker.begin() as session:
                session.add(Note(text="a"))
            async with served(fastapi_application(maker, "request")) as client:
                assert (await client.get(kind)).text == "a"

    run(scenario())
    assert kinds() == []


def test_litestar(desk: Desk, opened: Open) -> None:
    """Forbids a report for the dependencies of litestar, which it resolves in a task group."""

    @post("/{words:str}")
    async def add(
        words: FromPath[str], session: NamedDependency[AsyncSession], other: NamedDependency[str]
    ) -> str:
        session.add(Note(text=words + other))
        await session.commit()
        return words

    async def scenario() -> None:
        async with opened() as maker:

            async def provide_session() -> AsyncIterator[AsyncSession]:
                async with maker() as session:
                    yield session

            async def provide_other(session: NamedDependency[AsyncSession]) -> str:
                return str(await session.scalar(text("SELECT '!'")))

            async def roll_back(request: Request[Any, Any, Any]) -> None:
                await asyncio.sleep(0)

            app = Litestar(
                [add],
                dependencies={"session": Provide(provide_session), "other": Provide(provide_other)},
                before_request=roll_back,
            )
            async with served(app) as client:
                for response in await asyncio.gather(*(client.post(f"/{n}") for n in range(10))):
                    assert response.status_code == 201

    run(scenario())
    assert kinds() == []
    assert desk.texts == [f"{n}!" for n in range(10)]


def test_aiohttp(desk: Desk, opened: Open) -> None:
    """Forbids a report for a middleware of aiohttp, which runs in the task of the request."""
    key = web.RequestKey("session", AsyncSession) if hasattr(web, "RequestKey") else "session"

    async def add(request: web.Request) -> web.Response:
        request[key].add(Note(text=request.match_info["words"]))
        await asyncio.wait_for(request[key].flush(), 10)
        return web.Response(text="added")

    async def scenario() -> None:
        async with opened() as maker:

            @web.middleware
            async def lend(request: web.Request, handler: Any) -> Any:
                async with maker() as session:
                    request[key] = session
                    response = await handler(request)
                    await session.commit()
                    return response

            app = web.Application(middlewares=[lend])
            app.router.add_post("/{words}", add)
            async with TestServer(app) as server, httpx.AsyncClient() as client:
                url = str(server.make_url("/"))
                for response in await asyncio.gather(
                    *(client.post(f"{url}{n}") for n in range(10))
                ):
                    assert response.text == "added"

    run(scenario())
    assert kinds() == []
    assert desk.texts == [str(n) for n in range(10)]
