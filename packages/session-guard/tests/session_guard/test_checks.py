"""The check that a session is guarded, also with frameworks and mixed-in session classes."""

import asyncio
from typing import Any

import pytest
import session_guard
from session_guard import (
    GuardedSession,
    NotGuardedError,
    SharedSessionError,
    guard_engine,
    guard_everything,
    is_guarded,
    violations,
)
from session_guard.install import unguard_everything
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import (
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlmodel import Session as ModelSession
from sqlmodel.ext.asyncio.session import AsyncSession as AsyncModelSession
from tests.session_guard.caught.pair import interleave
from tests.session_guard.conftest import Desk


class Overruled(AsyncSession):
    """A session class of a framework that chooses the sync class itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["sync_session_class"] = Session
        super().__init__(*args, **kwargs)


GUARDED = {
    "session": GuardedSession(),
    "class": GuardedSession,
    "async session": AsyncSession(sync_session_class=GuardedSession),
    "maker": sessionmaker(class_=GuardedSession),
    "async maker": async_sessionmaker(sync_session_class=GuardedSession),
    "scoped": scoped_session(sessionmaker(class_=GuardedSession)),
    "function": lambda: AsyncSession(sync_session_class=GuardedSession),
}
PLAIN = {
    "session": Session(),
    "class": Session,
    "async session": AsyncSession(),
    "maker": sessionmaker(),
    "async maker": async_sessionmaker(),
    "async scoped": async_scoped_session(async_sessionmaker(), scopefunc=lambda: 0),
    "overruled": async_sessionmaker(class_=Overruled, sync_session_class=GuardedSession),
    "engine": create_engine("sqlite://"),
    "async engine": create_async_engine("postgresql+asyncpg://u:secret@h/d"),
}


@pytest.mark.parametrize("name", GUARDED)
def test_what_is_guarded(name: str) -> None:
    """Forbids that a guarded maker or session counts as unguarded."""
    assert is_guarded(GUARDED[name])
    session_guard.require(GUARDED[name])


@pytest.mark.parametrize("name", PLAIN)
def test_what_is_not_guarded_fails_loudly(name: str) -> None:
    """Forbids that the guard is off without an error, if a framework replaces the class."""
    assert not is_guarded(PLAIN[name])
    with pytest.raises(NotGuardedError, match="is not guarded") as caught:
        session_guard.require(*GUARDED.values(), PLAIN[name])
    assert "Cure: " in str(caught.value)
    assert "secret" not in str(caught.value)


def test_everything_is_guarded() -> None:
    """Forbids that a session counts as unguarded after `guard_everything`."""
    guard_everything()
    try:
        session_guard.require(*PLAIN.values())
    finally:
        unguard_everything()
    assert not is_guarded(PLAIN["engine"])


def test_a_guarded_engine_and_its_connections() -> None:
    """Forbids that an engine counts as unguarded after `guard_engine`."""
    engine = create_engine("sqlite://")
    guard_engine(engine)
    assert is_guarded(engine)
    with engine.connect() as connection:
        assert is_guarded(connection)
    engine.dispose()


def test_what_can_not_be_guarded() -> None:
    """Forbids that a wrong argument counts as an unguarded session."""
    with pytest.raises(TypeError, match="not a session"):
        is_guarded(7)
    with pytest.raises(TypeError, match="must return a session"):
        is_guarded(lambda: 7)


class First(GuardedSession, ModelSession):
    pass


class Second(ModelSession, GuardedSession):
    pass


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("sync_class", [First, Second])
@pytest.mark.parametrize("operation", ["exec", "execute", "commit"])
def test_sqlmodels_session(desk: Desk, sync_class: Any, operation: str) -> None:
    """Forbids that `exec()`, which the guard does not know by name, bypasses it, in either order of
    bases."""

    async def between(session: Any) -> None:
        arguments = [] if operation == "commit" else [text("SELECT 1")]
        await getattr(session, operation)(*arguments)

    async def before(session: Any) -> None:
        await session.exec(text("INSERT INTO note (text) VALUES ('a')"))

    async def scenario() -> list[Any]:
        async with desk.engine() as engine:
            maker = async_sessionmaker(engine, class_=AsyncModelSession)
            async with maker(sync_session_class=sync_class) as session:
                return await interleave(session, before, between)  # type: ignore[arg-type]

    mine, others = asyncio.run(scenario())
    assert mine is None
    assert isinstance(others, SharedSessionError)
    assert len(violations(clear=True)) == 1
    assert desk.texts == ["a"]


class Tenant(Session):
    """A session class of an application, with an override and a method that calls `super()`."""

    committed = 0

    def commit(self) -> None:
        self.committed += 1
        super().commit()

    def ask(self) -> Any:
        return super().scalar(text("SELECT 1"))

    def name(self) -> str:
        return "tenant"


class TenantFirst(Tenant, GuardedSession):
    pass


class TenantSecond(GuardedSession, Tenant):
    pass


@pytest.mark.parametrize("mixed", [TenantFirst, TenantSecond])
def test_a_class_of_the_applications_own(desk: Desk, mixed: Any) -> None:
    """Forbids that an override is lost, and that a method without use of the session is checked."""

    async def before(session: Any) -> None:
        session.sync_session.commit()
        await session.run_sync(lambda sync: sync.ask())

    async def asks(session: Any) -> None:
        assert session.sync_session.name() == "tenant"
        await session.run_sync(lambda sync: sync.ask())

    async def scenario() -> list[Any]:
        async with desk.engine() as engine:
            maker = async_sessionmaker(engine, sync_session_class=mixed)
            async with maker() as session:
                found = await interleave(session, before, asks)
                assert session.sync_session.committed == 2
                return found

    mine, others = asyncio.run(scenario())
    assert mine is None
    assert isinstance(others, SharedSessionError)
    violations(clear=True)
