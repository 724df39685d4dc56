"""A session that several tasks use, one after another."""

import asyncio

import anyio
import anyio.to_thread
import pytest
from session_guard import hand_over
from sqlalchemy import text
from tests.session_guard.conftest import Desk, Note, Run
from tests.session_guard.no_false_alarm.conftest import add, in_a_task, opened


def test_it_changes_hands_between_transactions(desk: Desk, run: Run) -> None:
    """Two running tasks alternate, with one transaction per turn."""

    async def scenario() -> None:
        async with opened(desk) as maker, maker() as session:
            turn = asyncio.Lock()

            async def worker(name: str) -> None:
                for _ in range(3):
                    async with turn, session.begin():
                        await add(session, name)
                    await asyncio.sleep(0)

            await asyncio.gather(worker("a"), worker("b"))

    run(scenario())
    assert desk.texts == ["a"] * 3 + ["b"] * 3


def test_it_is_handed_over_by_name(desk: Desk, run: Run) -> None:
    """A running task hands its session over in an open transaction."""

    async def scenario() -> None:
        async with opened(desk) as maker, maker() as session:
            given, done = asyncio.Event(), asyncio.Event()

            async def giver() -> None:
                await add(session, "a")
                hand_over(session)
                given.set()
                await done.wait()

            async def taker() -> None:
                await given.wait()
                await add(session, "b")
                await session.commit()
                done.set()

            await asyncio.gather(giver(), taker())

    run(scenario())
    assert desk.texts == ["a", "b"]


def test_wait_for_runs_it_in_an_inner_task(desk: Desk, run: Run) -> None:
    """Up to Python 3.11, `wait_for` runs its coroutine in an inner task."""

    async def scenario() -> None:
        async with opened(desk) as maker, maker() as session:
            await asyncio.wait_for(add(session, "a"), 10)
            await session.execute(text("SELECT 1"))
            await asyncio.wait_for(add(session, "b"), 10)
            await asyncio.wait_for(session.commit(), 10)

    run(scenario())
    assert desk.texts == ["a", "b"]


def test_wait_for_gives_up(desk: Desk, run: Run) -> None:
    async def scenario() -> None:
        async with opened(desk) as maker:
            async with maker() as session:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(session.execute(text("SELECT pg_sleep(10)")), 0.02)
                await session.rollback()
                await add(session, "a")
                await session.commit()
            async with maker() as session, asyncio.timeout(10):
                await add(session, "b")
                await session.commit()
            async with maker() as session:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await session.execute(text("SELECT pg_sleep(10)"))
                await session.rollback()

    run(scenario())
    assert desk.texts == ["a", "b"]


def test_an_ancestor_lends_it_and_takes_it_back(desk: Desk, run: Run) -> None:
    """Children of a TaskGroup, of `shield` and of anyio, one after another, in one transaction."""

    async def scenario() -> None:
        async with opened(desk) as maker, maker() as session:
            await add(session, "a")
            async with asyncio.TaskGroup() as group:
                group.create_task(add(session, "b"))
            await add(session, "c")
            await asyncio.shield(add(session, "d"))
            async with anyio.create_task_group() as others:
                others.start_soon(add, session, "e")
            await asyncio.gather(in_a_task(add(session, "f")))
            await session.commit()

    run(scenario())
    assert desk.texts == list("abcdef")


def test_an_attribute_begins_a_transaction_for_the_next_user(desk: Desk, run: Run) -> None:
    """The first user still runs, but has no transaction any more."""

    async def scenario() -> None:
        async with opened(desk, expire_on_commit=False) as maker, maker() as session:
            note, saved, done = Note(text="a"), asyncio.Event(), asyncio.Event()

            async def first() -> None:
                session.add(note)
                await session.commit()
                saved.set()
                await done.wait()

            async def second() -> None:
                await saved.wait()
                note.text = "b"
                await session.commit()
                done.set()

            await asyncio.gather(first(), second())

    run(scenario())
    assert desk.texts == ["b"]
