"""The guard of an engine keeps the database's own errors, and the application's data."""

import asyncio
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
from session_guard import GuardedSession, SharedSessionError, engine, guard_engine, violations
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from tests.session_guard.caught.pair import add, interleave, two
from tests.session_guard.conftest import Desk
from tests.session_guard.frameworks.conftest import CONNECT


class Broken(psycopg2.extensions.cursor):
    def execute(self, *_: Any) -> None:
        raise psycopg2.OperationalError("server closed the connection unexpectedly")


def test_an_engines_first_connection_breaks(desk: Desk) -> None:
    """Forbids that a failure of the guard replaces the server's error: SQLAlchemy initialises a
    dialect on a connection that has no `info` of a pool."""
    broken = create_engine(
        "postgresql+psycopg2://",
        creator=lambda: psycopg2.connect(desk.url, cursor_factory=Broken),
    )
    guard_engine(broken)
    with pytest.raises(OperationalError, match="server closed the connection"), broken.connect():
        pass
    broken.dispose()


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
def test_a_cancellation_on_a_cold_pool(desk: Desk, driver: str) -> None:
    """Forbids that a cancellation is lost, at any moment of the first connection."""

    async def scenario() -> None:
        for trial in range(25):
            cold = create_async_engine(
                f"postgresql+{driver}://", async_creator=lambda: CONNECT[driver](desk.url)
            )
            guard_engine(cold)
            maker = async_sessionmaker(cold, sync_session_class=GuardedSession)

            async def ask(maker: Any = maker) -> None:
                async with maker() as session:
                    await session.execute(text("SELECT pg_sleep(10)"))

            task = asyncio.create_task(ask())
            await asyncio.sleep(0.002 * trial)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            assert cold.pool.checkedout() == 0  # type: ignore[attr-defined]
            await cold.dispose()

    asyncio.run(scenario())
    assert violations() == ()


def test_a_failure_of_the_guards_own_is_only_logged(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Forbids that an error in the guard itself reaches the application."""

    def fails(*_: Any) -> bool:
        raise LookupError("ours")

    guarded = desk.sync_engine()
    guard_engine(guarded)
    with guarded.connect() as connection:
        monkeypatch.setattr(engine, "current", fails)
        assert connection.scalar(text("SELECT 1")) == 1
        connection.commit()
    guarded.dispose()
    assert "LookupError: ours" in caplog.text


def test_the_applications_info_is_left_alone(desk: Desk) -> None:
    """Forbids data of the guard in the `info` of a connection, which is the application's."""
    guarded = desk.sync_engine()
    guard_engine(guarded)
    seen: list[dict[Any, Any]] = []
    event.listen(guarded, "commit", lambda connection: seen.append(dict(connection.info)))
    with guarded.begin() as connection:
        connection.execute(text("SELECT 1"))
        seen.append(dict(connection.info))
    guarded.dispose()
    assert seen == [{}, {}]


def test_a_refusal_while_another_error_is_handled(desk: Desk) -> None:
    """Forbids that a refused rollback in an `except` hides the error that is handled there, and
    that a refused statement there drops that error."""

    async def validates(session: Any) -> None:
        try:
            raise ValueError("not valid")
        except ValueError:
            await session.rollback()
            raise

    async def retries(session: Any) -> None:
        try:
            raise ValueError("not valid")
        except ValueError:
            await session.commit()

    async def scenario(between: Any) -> list[Any]:
        async with two(desk) as session:
            return await interleave(session, add, between)

    mine, others = asyncio.run(scenario(validates))
    assert mine is None
    assert isinstance(others, ValueError)
    assert "rollback()" in others.__notes__[0]
    assert [found.operation for found in violations(clear=True)] == ["rollback"]
    mine, others = asyncio.run(scenario(retries))
    assert mine is None
    assert isinstance(others, SharedSessionError)
    assert isinstance(others.__context__, ValueError)
    assert desk.texts == ["a", "a"]
