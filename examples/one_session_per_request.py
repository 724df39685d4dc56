"""A FastAPI application with one session for each request, guarded.

    DATABASE_URL=postgresql://... uvicorn --app-dir examples one_session_per_request:app

`POST /orders/tea` saves an order. `GET /orders` counts them. `GET /shared` shows the mistake: two
tasks of one request share its session, and the guard refuses the second.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated

import asyncpg
from fastapi import Depends, FastAPI, HTTPException
from session_guard import GuardedSession, SharedSessionError
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(
    "postgresql+asyncpg://", async_creator=partial(asyncpg.connect, os.environ["DATABASE_URL"])
)
sessions = async_sessionmaker(engine, sync_session_class=GuardedSession, expire_on_commit=False)


class Base(DeclarativeBase):
    """The tables of the example."""


class Order(Base):
    """An order for one thing."""

    __tablename__ = "example_order"
    id: Mapped[int] = mapped_column(primary_key=True)
    thing: Mapped[str]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Make the table at start-up; remove it and close the pool at the end."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


async def request_session() -> AsyncIterator[AsyncSession]:
    """Open a session for one request, commit it at the end, and roll it back on an error."""
    async with sessions.begin() as session:
        yield session


# With the scope "request" the commit would follow the answer: a client that asks at once might miss
# its own order, and a commit that fails would have been answered with 200.
# https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/
RequestSession = Annotated[AsyncSession, Depends(request_session, scope="function")]


@app.post("/orders/{thing}")
async def order(thing: str, session: RequestSession) -> int:
    """Save an order and return its number."""
    saved = Order(thing=thing)
    session.add(saved)
    await session.flush()
    return saved.id


@app.get("/orders")
async def count(session: RequestSession) -> int:
    """Return the number of orders."""
    return await session.scalar(select(func.count()).select_from(Order)) or 0


@app.get("/shared")
async def shared(session: RequestSession) -> None:
    """Give one session to two tasks: the mistake that the guard is for."""
    pause = select(func.pg_sleep(0.01))
    try:
        await asyncio.gather(session.execute(pause), session.execute(pause))
    except SharedSessionError as error:
        raise HTTPException(409, str(error).partition("\n")[0]) from error
