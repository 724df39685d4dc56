"""Two-phase transactions of Core connections, with the guard of their engine."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from session_guard import SharedSessionError, guard_engine, violations
from sqlalchemy import text
from sqlalchemy.engine import Connection, TwoPhaseTransaction
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.session_guard.conftest import Run
from tests.session_guard.two_phase.conftest import TwoPhaseDesk

INSERT = text("INSERT INTO note (text) VALUES ('a')")


@pytest.mark.parametrize("prepares", [False, True])
@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_one_user_ends_it_in_either_way(desk: TwoPhaseDesk, prepares: bool, ending: str) -> None:
    """Forbids a false alarm at PREPARE, COMMIT PREPARED or ROLLBACK PREPARED with one user."""
    engine = desk.sync_engine()
    guard_engine(engine)
    with engine.connect() as connection:
        for _ in range(2):
            transaction = connection.begin_twophase()
            connection.execute(INSERT)
            if prepares:
                transaction.prepare()
            getattr(transaction, ending)()
    engine.dispose()
    assert violations() == ()
    assert desk.texts == ["a", "a"] * (ending == "commit")


def test_one_prepared_elsewhere_is_recovered(desk: TwoPhaseDesk) -> None:
    """Forbids a false alarm at `commit_prepared`, of a transaction that no connection has now."""
    engine = desk.sync_engine()
    guard_engine(engine)
    with engine.connect() as connection:
        transaction = connection.begin_twophase("left")
        connection.execute(INSERT)
        transaction.prepare()
        connection.detach()
        connection.invalidate()
    with engine.connect() as connection:
        connection.rollback_prepared("left", recover=True)
    engine.dispose()
    assert violations() == ()
    assert desk.texts == []


def test_it_is_lent_to_children(async_desk: TwoPhaseDesk, run: Run) -> None:
    """Forbids a false alarm if each step runs in a task of its own, one after another."""

    async def scenario() -> None:
        async with async_desk.engine() as engine, engine.connect() as connection:
            transaction = await connection.run_sync(Connection.begin_twophase)
            await asyncio.create_task(connection.execute(INSERT))
            await asyncio.create_task(connection.run_sync(lambda _: transaction.prepare()))
            await asyncio.create_task(connection.run_sync(lambda _: transaction.commit()))

    run(scenario())
    assert violations() == ()
    assert async_desk.texts == ["a"]


async def interleave(
    connection: AsyncConnection, intrudes: Callable[[Connection], object], *, prepares: bool
) -> list[Any]:
    """Run a task in its two-phase transaction and another one in between; return their errors."""
    ready, done = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        def begin(sync: Connection) -> TwoPhaseTransaction:
            transaction = sync.begin_twophase("shared")
            sync.execute(INSERT)
            if prepares:
                transaction.prepare()
            return transaction

        transaction = await connection.run_sync(begin)
        ready.set()
        await done.wait()
        await connection.run_sync(lambda _: transaction.commit())

    async def second() -> None:
        await ready.wait()
        try:
            await connection.run_sync(intrudes)
        finally:
            done.set()

    return await asyncio.gather(first(), second(), return_exceptions=True)


def prepare(connection: Connection) -> None:
    transaction = connection.get_transaction()
    assert isinstance(transaction, TwoPhaseTransaction)
    transaction.prepare()


def test_another_task_that_prepares_is_refused_in_time(async_desk: TwoPhaseDesk, run: Run) -> None:
    """Forbids that another task's PREPARE ends a transaction in which its task still writes."""

    async def scenario() -> list[Any]:
        async with async_desk.engine() as engine, engine.connect() as connection:
            return await interleave(connection, prepare, prepares=False)

    mine, others = run(scenario())
    assert mine is None
    assert isinstance(others, SharedSessionError)
    assert async_desk.texts == ["a"]


@pytest.mark.parametrize("prepares", [False, True])
@pytest.mark.parametrize("what", ["commit", "rollback"])
def test_another_task_that_ends_it_raises_the_alarm(
    async_desk: TwoPhaseDesk, run: Run, what: str, prepares: bool
) -> None:
    """Forbids an end that is unreported, or reaches the server: the transaction stays prepared."""

    async def scenario() -> list[Any]:
        async with async_desk.engine() as engine:
            connection = await engine.connect()
            ends = {"commit": Connection.commit, "rollback": Connection.rollback}[what]
            found = await interleave(connection, ends, prepares=prepares)
            await connection.invalidate()
            await connection.close()
            return found

    mine, others = run(scenario())
    assert isinstance(others, SharedSessionError)
    assert isinstance(
        mine, Exception
    )  # its transaction is lost: the engine's guard can't prevent that
    assert {(found.shared, found.operation) for found in violations()} == {("connection", what)}
    assert async_desk.texts == []
    assert async_desk.prepared() == ["shared"] * prepares
    async_desk.roll_back_prepared()
