"""The engine of all sample projects, on the server that the outer test has started."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


@asynccontextmanager
async def open_maker(*, warm: bool = True) -> AsyncIterator[async_sessionmaker[AsyncSession]]:
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(os.environ["NOTE_URL"])
    )
    if warm:  # else SQLAlchemy itself sees some of it: "provisioning a new connection"
        async with engine.connect():
            pass
    yield async_sessionmaker(engine)
    await engine.dispose()
