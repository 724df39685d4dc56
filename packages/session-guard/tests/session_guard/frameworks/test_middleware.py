"""A session that a middleware opens, lends to the application, and commits after `call_next`."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from fastapi import BackgroundTasks, FastAPI, Request
from fastapi.responses import StreamingResponse
from session_guard import violations
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.concurrency import run_in_threadpool
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.session_guard.conftest import Desk, Note
from tests.session_guard.frameworks.conftest import Maker, Open, kinds, run, served


class Idle(BaseHTTPMiddleware):
    """Puts the rest of the application into a task of its own, and does nothing else."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        return await call_next(request)


class Lending(BaseHTTPMiddleware):
    def __init__(self, app: ASGIApp, maker: Maker) -> None:
        super().__init__(app)
        self._maker = maker

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        async with self._maker() as session:
            request.state.session = session
            if "early" in request.query_params:
                await session.execute(text("SELECT 1"))
            response = await call_next(request)
            if "rollback" in request.query_params:
                await session.rollback()
            else:
                await session.commit()
            return response


class PureLending:
    """A middleware like Lending, but in the task of the request."""

    def __init__(self, app: ASGIApp, maker: Maker) -> None:
        self._app, self._maker = app, maker

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._maker() as session:
            scope.setdefault("state", {})["session"] = session
            await self._app(scope, receive, send)
            await session.commit()


class GroupLending(PureLending):
    """A middleware that runs the application in a task group, and commits in the meantime."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = anyio.Event()

        async def send_and_tell(message: Any) -> None:
            await send(message)
            started.set()

        async with self._maker() as session, anyio.create_task_group() as group:
            scope.setdefault("state", {})["session"] = session
            group.start_soon(self._app, scope, receive, send_and_tell)
            await started.wait()
            await session.commit()


def session_of(request: Request) -> AsyncSession:
    session: AsyncSession = request.state.session
    return session


def application(maker: Maker, *, deep: int = 0, lending: Any = Lending) -> FastAPI:
    """Return an application with `deep` middlewares outside and inside of the one that lends."""
    app = FastAPI()
    for _ in range(deep):
        app.add_middleware(Idle)
    app.add_middleware(lending, maker=maker)
    for _ in range(deep):
        app.add_middleware(Idle)

    @app.post("/note/{words}")
    async def add(words: str, request: Request) -> str:
        session_of(request).add(Note(text=words))
        await session_of(request).flush()
        return words

    @app.post("/later/{words}")
    async def add_and_go_on(words: str, request: Request, tasks: BackgroundTasks) -> str:
        tasks.add_task(asyncio.sleep, 0.05)  # it does not use the session
        return await add(words, request)

    @app.post("/thread/{words}")
    def add_in_a_thread(words: str, request: Request) -> str:
        session_of(request).add(Note(text=words))
        return words

    @app.post("/pool/{words}")
    async def add_by_a_thread(words: str, request: Request) -> str:
        await run_in_threadpool(session_of(request).add, Note(text=words))
        await session_of(request).flush()
        return words

    @app.get("/stream")
    async def stream(request: Request) -> StreamingResponse:
        rows = (await session_of(request).scalars(select(Note.text))).all()

        async def body() -> AsyncIterator[str]:
            for row in rows:
                await asyncio.sleep(0.005)
                yield row

        return StreamingResponse(body())

    @app.get("/stream-on")
    async def stream_on(request: Request) -> StreamingResponse:
        await session_of(request).execute(text("SELECT 1"))

        async def body() -> AsyncIterator[str]:
            yield "first "
            await asyncio.sleep(0.05)
            yield str(await session_of(request).scalar(text("SELECT 2")))

        return StreamingResponse(body())

    @app.post("/on/{words}")
    async def add_in_background(words: str, request: Request, tasks: BackgroundTasks) -> str:
        async def save_later() -> None:
            await asyncio.sleep(0.05)
            session_of(request).add(Note(text="later"))
            await session_of(request).commit()

        tasks.add_task(save_later)
        return await add(words, request)

    return app


PATHS = ("note/a", "note/b?early=1", "later/c", "later/d?early=1", "thread/e", "pool/f")


@pytest.mark.parametrize("deep", [0, 1, 3])
def test_ordinary_requests_are_saved(desk: Desk, opened: Open, deep: int) -> None:
    """Forbids that a commit after `call_next` is refused because the application's task still runs:
    ordinary POSTs got 500, and nothing was saved."""

    async def scenario() -> None:
        async with opened() as maker, served(application(maker, deep=deep)) as client:
            for path in PATHS:
                assert (await client.post(path)).status_code == 200, path
            for path in ("stream", "stream?early=1", "stream?rollback=1"):
                assert sorted((await client.get(path)).text) == list("abcdef"), path
            many = await asyncio.gather(*(client.post(f"note/g{n}") for n in range(20)))
            assert {response.status_code for response in many} == {200}

    run(scenario())
    assert kinds() == []
    assert desk.texts == [*"abcdef", *sorted(f"g{n}" for n in range(20))]


@pytest.mark.parametrize("lending", [PureLending, GroupLending])
def test_other_middlewares(desk: Desk, opened: Open, lending: Any) -> None:
    """Forbids a report for a middleware that is no BaseHTTPMiddleware."""

    async def scenario() -> None:
        async with opened() as maker, served(application(maker, lending=lending)) as client:
            for path in PATHS:
                assert (await client.post(path)).status_code == 200, path
            for _ in range(100):  # these middlewares commit after they have answered
                texts = sorted((await client.get("stream")).text)
                if texts == list("abcdef"):
                    break
            assert texts == list("abcdef")

    run(scenario())
    assert kinds() == []
    assert desk.texts == list("abcdef")


@pytest.mark.parametrize("deep", [0, 2])
@pytest.mark.parametrize("ends", ["", "?early=1", "?rollback=1"])
def test_a_stream_that_uses_the_session_is_refused(opened: Open, deep: int, ends: str) -> None:
    """Forbids that a stream uses a session after its middleware has closed it."""

    async def scenario() -> None:
        async with opened() as maker, served(application(maker, deep=deep)) as client:
            assert (await client.get(f"stream-on{ends}")).text == "first "

    run(scenario())
    assert kinds() == ["loan taken back"]


def test_a_background_task_that_uses_the_session_is_refused(desk: Desk, opened: Open) -> None:
    """Forbids that a background task gets no error although its rows are lost."""

    async def scenario() -> None:
        async with opened() as maker, served(application(maker)) as client:
            assert (await client.post("on/a")).status_code == 200
            async with asyncio.timeout(30):
                while not violations():  # noqa: ASYNC110
                    await asyncio.sleep(0.01)

    run(scenario())
    assert kinds() == ["loan taken back"]
    assert desk.texts == ["a"]
