"""A FastAPI application whose dependency gives out a session: everybody's, or the request's own."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import BackgroundTasks, Depends, FastAPI
from notes import Note
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response


def make_app(
    maker: async_sessionmaker[AsyncSession], *, shared: bool, at_once: asyncio.Barrier
) -> FastAPI:
    """Build the application. Its posts wait for each other: they overlap on slow machines, too."""
    app = FastAPI()
    everybodys = maker()

    async def session_of_request() -> AsyncIterator[AsyncSession]:
        if shared:
            yield everybodys
        else:
            async with maker() as session:
                yield session

    async def audit() -> None:
        async with maker() as session, session.begin():
            session.add(Note(text="audit"))

    @app.middleware("http")
    async def stamp(request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        response.headers["stamped"] = "yes"
        return response

    async def gate(request: Request, call_next: RequestResponseEndpoint) -> Response:
        async with maker() as session:
            await session.scalar(select(1))
        return await call_next(request)

    app.add_middleware(BaseHTTPMiddleware, dispatch=gate)

    @app.post("/notes")
    async def post(
        text: str,
        session: Annotated[AsyncSession, Depends(session_of_request)],
        background: BackgroundTasks,
    ) -> dict[str, bool]:
        await at_once.wait()
        try:
            session.add(Note(text=text))
            await session.flush()
            await session.commit()
        except Exception:
            return {"saved": False}
        background.add_task(audit)
        return {"saved": True}

    @app.get("/notes")
    async def count(session: Annotated[AsyncSession, Depends(session_of_request)]) -> int:
        return await session.scalar(select(func.count()).select_from(Note)) or 0

    app.state.everybodys = everybodys
    return app
