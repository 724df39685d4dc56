"""Mistakes that raise nothing by themselves, and corrupt: refused, and the first user's work lives.

Each is a race without a race: events put the two tasks into the one order that goes wrong silently.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session
from sqlalchemy.orm import Session, sessionmaker

from session_guard import (
    GuardedSession,
    SharedSessionError,
    guard_engine,
    hand_over,
    violations,
)
from tests.session_guard.conftest import Desk, Note, Run

Step = Callable[[AsyncSession], Awaitable[Any]]


async def add(session: AsyncSession) -> None:
    session.add(Note(text="a"))


async def add_and_flush(session: AsyncSession) -> None:
    await add(session)
    await session.flush()


async def read(session: AsyncSession) -> None:
    await session.scalars(select(Note))


async def savepoint(session: AsyncSession) -> None:
    async with session.begin_nested():
        session.add(Note(text="a"))


async def stream(session: AsyncSession) -> None:
    """The first row of many; the cursor stays open."""
    await add_and_flush(session)
    rows = await session.stream(text("SELECT generate_series(1, 5000)"))
    await anext(rows)


async def open_savepoint(session: AsyncSession) -> None:
    await session.begin_nested()
    await add_and_flush(session)


BEFORE: dict[str, Step] = {
    "adds": add,
    "adds and flushes": add_and_flush,
    "has left a savepoint": savepoint,
    "is in a savepoint": open_savepoint,
    "streams": stream,
}


async def enters(session: AsyncSession) -> None:
    async with session:
        pass


async def transaction(session: AsyncSession) -> None:
    async with session.begin():
        pass


async def fails(session: AsyncSession) -> None:
    """And handles its error, which it believes to be its own affair."""
    await session.execute(text("SELECT 1 / 0"))


BETWEEN: dict[str, Step] = {
    "commits": lambda session: session.commit(),
    "rolls back": lambda session: session.rollback(),
    "closes": lambda session: session.close(),
    "leaves a with": enters,
    "invalidates": lambda session: session.invalidate(),
    "resets": lambda session: session.reset(),
    "adds": add,
    "reads": read,
    "flushes": lambda session: session.flush(),
    "begins a savepoint": savepoint,
    "begins": transaction,
    "fails": fails,
    "expunges": lambda session: session.run_sync(lambda sync: sync.expunge_all()),
    "expires": lambda session: session.run_sync(lambda sync: sync.expire_all()),
    "hands over what is not its own": lambda session: session.run_sync(hand_over),
    "commits its transaction object": lambda session: session.run_sync(commit_transaction),
}


@asynccontextmanager
async def two(desk: Desk) -> AsyncIterator[AsyncSession]:
    async with desk.maker() as maker, maker() as session:
        yield session


def release(session: Session) -> None:
    if transaction := session.get_nested_transaction():
        transaction.commit()


def commit_transaction(session: Session) -> None:
    """Not by the session's own method."""
    session.get_transaction().commit()


async def interleave(session: AsyncSession, before: Step, between: Step) -> list[Any]:
    """One task, suspended in its transaction, and another that comes in between; their errors."""
    ready, done = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        await before(session)
        ready.set()
        await done.wait()
        await session.run_sync(release)
        await session.commit()

    async def second() -> None:
        await ready.wait()
        try:
            await between(session)
        finally:
            done.set()

    return await asyncio.gather(first(), second(), return_exceptions=True)


TRIALS = 3


@pytest.mark.parametrize("between", BETWEEN)
def test_who_comes_in_between_is_refused(desk: Desk, run: Run, between: str) -> None:
    """Whatever the first one was at, in every trial; and what it was told is so."""

    async def scenario() -> None:
        async with desk.maker() as maker:
            for before in [*BEFORE] * TRIALS:
                async with maker() as session:
                    mine, others = await interleave(session, BEFORE[before], BETWEEN[between])
                assert isinstance(others, SharedSessionError), before
                assert mine is None, before
                (violation,) = violations(clear=True)
                assert violation == others.violation
                assert violation.kind == "interleaving"
                assert violation.refused

    run(scenario())
    assert desk.texts == ["a"] * len(BEFORE) * TRIALS


def test_the_error_says_what_where_who_and_what_to_do(desk: Desk, run: Run) -> None:
    async def scenario() -> list[Any]:
        async with two(desk) as session:
            return await interleave(session, add, BETWEEN["rolls back"])

    _, error = run(scenario())
    assert isinstance(error, InvalidRequestError)
    violation = error.violation
    assert violation.operation == "rollback"
    assert violation.since == "add"
    assert "test_caught.py:" in violation.at
    assert "test_caught.py:" in violation.holder_at
    assert violation.at != violation.holder_at
    assert violation.user.startswith("task ")
    assert violation.user != violation.holder
    for words in (violation.at, violation.holder, violation.holder_at, "hand_over(session)"):
        assert words in str(error)
    assert "https://docs.sqlalchemy.org/" in str(error)


def test_a_gather_of_reads(desk: Desk, run: Run) -> None:
    """Nothing is in the task but SQLAlchemy's coroutine: that is named, and not the event loop."""

    async def scenario() -> list[Any]:
        async with two(desk) as session:
            reads = (session.execute(text("SELECT pg_sleep(0.01)")) for _ in range(3))
            return await asyncio.gather(*reads, return_exceptions=True)

    first, *others = run(scenario())
    assert first.all() == [(None,)]
    assert [type(error) for error in others] == [SharedSessionError] * 2
    assert {found.kind for found in violations()} == {"overlap"}
    assert {found.at for found in violations()} == {"AsyncSession.execute()"}


def test_a_swallowed_error_is_found_all_the_same(desk: Desk, run: Run) -> None:
    async def scenario() -> None:
        async with two(desk) as session:
            await interleave(session, add, BETWEEN["commits"])

    run(scenario())
    assert len(violations()) == 1
    assert len(violations(clear=True)) == 1
    assert violations() == ()


def test_a_child_that_outlives_the_request(desk: Desk, run: Run) -> None:
    """The session was lent, and is closed while the borrower still writes."""

    async def scenario() -> None:
        async with desk.maker() as maker:
            used, closed = asyncio.Event(), asyncio.Event()

            async def background(session: AsyncSession) -> None:
                session.add(Note(text="background"))
                used.set()
                await closed.wait()
                await session.commit()
                await session.close()

            session = maker()
            child = asyncio.create_task(background(session))
            await used.wait()
            with pytest.raises(SharedSessionError, match=r"close\(\)"):
                await session.close()
            closed.set()
            await child

    run(scenario())
    assert desk.texts == ["background"]


def test_two_children_of_one_lender(desk: Desk, run: Run) -> None:
    """An ancestor may lend it to one at a time."""

    async def scenario() -> list[Any]:
        async with two(desk) as session:
            await read(session)
            return await interleave(session, add, BETWEEN["commits"])

    mine, others = run(scenario())
    assert mine is None
    assert isinstance(others, SharedSessionError)


def test_what_was_lent_is_the_lenders_again(desk: Desk, run: Run) -> None:
    """The borrower has ended, as the inner task of 3.11's `wait_for`; the lender goes on."""

    async def scenario() -> list[Any]:
        async with two(desk) as session:

            async def by_a_child(session: AsyncSession) -> None:
                await read(session)
                await asyncio.create_task(add_and_flush(session))

            return await interleave(session, by_a_child, BETWEEN["rolls back"])

    mine, others = run(scenario())
    assert mine is None
    assert isinstance(others, SharedSessionError)
    assert desk.texts == ["a"]


def test_awaitable_attributes_use_a_session_unseen(desk: Desk, run: Run) -> None:
    async def scenario() -> list[Any]:
        async with two(desk) as session:
            notes = [Note(text=name) for name in "abc"]
            session.add_all(notes)
            await session.commit()
            loads = (asyncio.ensure_future(note.awaitable_attrs.text) for note in notes)
            return await asyncio.gather(*loads, return_exceptions=True)

    first, *others = run(scenario())
    assert first == "a"
    assert [type(error) for error in others] == [SharedSessionError] * 2


def test_an_attribute_set_begins_a_transaction_of_ones_own(desk: Desk, run: Run) -> None:
    """Without a call to the session: the one who set it is the first user."""

    async def scenario() -> list[Any]:
        async with desk.maker(expire_on_commit=False) as maker, maker() as session:
            note = Note(text="before")
            session.add(note)
            await session.commit()

            async def set_it(_: AsyncSession) -> None:
                note.text = "a"

            return await interleave(session, set_it, BETWEEN["rolls back"])

    mine, others = run(scenario())
    assert mine is None
    assert isinstance(others, SharedSessionError)
    assert desk.texts == ["a"]


def test_a_scope_that_is_not_the_task(desk: Desk, run: Run) -> None:
    async def scenario() -> list[Any]:
        async with desk.maker() as maker:
            session = async_scoped_session(maker, scopefunc=lambda: "everybody")
            found = await interleave(session(), add, lambda _: session.remove())
            await session.remove()
            return found

    mine, others = run(scenario())
    assert mine is None
    assert isinstance(others, SharedSessionError)
    assert desk.texts == ["a"]


def test_a_taskgroup_raises_it(desk: Desk, run: Run) -> None:
    async def scenario() -> None:
        async with two(desk) as session, asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(session.execute(text("SELECT pg_sleep(0.01)")))

    with pytest.raises(ExceptionGroup) as caught:
        run(scenario())
    assert caught.group_contains(SharedSessionError)


def test_after_a_hand_over_the_giver_is_a_stranger(desk: Desk, run: Run) -> None:
    async def scenario() -> list[Any]:
        async with two(desk) as session:
            await add(session)
            hand_over(session)
            used, done = asyncio.Event(), asyncio.Event()

            async def taker() -> None:
                await read(session)
                used.set()
                await done.wait()
                await session.commit()

            child = asyncio.create_task(taker())
            await used.wait()
            with pytest.raises(SharedSessionError):
                await session.rollback()
            done.set()
            await child

    run(scenario())
    assert desk.texts == ["a"]


def test_strict_refuses_an_idle_session_too(desk: Desk, run: Run) -> None:
    """And lets SQLAlchemy close it, in a task of its own."""

    async def use_and_give_back(session: AsyncSession) -> None:
        await read(session)
        hand_over(session)

    async def scenario() -> None:
        async with desk.maker(strict=True) as maker, maker() as session:
            await session.commit()
            with pytest.raises(SharedSessionError, match="strict"):
                await asyncio.create_task(read(session))
            hand_over(session)
            await asyncio.create_task(use_and_give_back(session))
            await session.commit()

    run(scenario())
    assert [found.kind for found in violations()] == ["second owner"]


@pytest.mark.parametrize("what", ["executes", "commits", "rolls back", "begins a savepoint"])
def test_a_connection_of_core(desk: Desk, run: Run, what: str) -> None:
    """The net at the engine: a statement is refused in time; a COMMIT or ROLLBACK is announced."""
    steps: dict[str, Callable[[AsyncConnection], Awaitable[Any]]] = {
        "executes": lambda connection: connection.execute(text("SELECT 1")),
        "commits": lambda connection: connection.commit(),
        "rolls back": lambda connection: connection.rollback(),
        "begins a savepoint": lambda connection: connection.begin_nested().start(),
    }

    async def scenario() -> list[Any]:
        async with desk.engine() as engine:
            guard_engine(engine)
            guard_engine(engine)
            async with engine.connect() as connection:
                ready, done = asyncio.Event(), asyncio.Event()

                async def first() -> None:
                    await connection.execute(text("INSERT INTO note (text) VALUES ('a')"))
                    ready.set()
                    await done.wait()
                    if what == "executes":
                        await connection.commit()

                async def second() -> None:
                    await ready.wait()
                    try:
                        await steps[what](connection)
                    finally:
                        done.set()

                return await asyncio.gather(first(), second(), return_exceptions=True)

    mine, others = run(scenario())
    assert mine is None
    assert isinstance(others, SharedSessionError)
    assert [found.shared for found in violations()] == ["connection"]
    assert desk.texts == (["a"] if what == "executes" else [])


def test_statements_of_core_that_overlap(desk: Desk, run: Run) -> None:
    async def scenario() -> list[Any]:
        async with desk.engine() as engine:
            guard_engine(engine)
            async with engine.connect() as connection:
                reads = (connection.execute(text("SELECT pg_sleep(0.01)")) for _ in range(3))
                return await asyncio.gather(*reads, return_exceptions=True)

    first, *others = run(scenario())
    assert first.all() == [(None,)]
    assert [type(error) for error in others] == [SharedSessionError] * 2


def test_threads_that_overlap(desk: Desk) -> None:
    engine = desk.sync_engine()
    with sessionmaker(engine, class_=GuardedSession)() as session, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(session.scalar, text("SELECT 1 FROM pg_sleep(0.5)"))
        caught = None
        while caught is None and not slow.done():
            try:
                session.flush()  # a moment too early, it is let in: nothing is in flight yet
            except SharedSessionError as error:
                caught = error
        assert slow.result() == 1
    engine.dispose()
    assert caught is not None
    assert caught.violation.user == "thread 'MainThread'"
    assert caught.violation.kind == "overlap"


def test_a_dead_thread_leaves_no_lock(desk: Desk) -> None:
    """An operation whose thread has ended can't be in flight."""
    engine = desk.sync_engine()
    session = sessionmaker(engine, class_=GuardedSession)()
    thread = Thread(target=lambda: session.custody.enter("execute", session))
    thread.start()
    thread.join()
    session.execute(text("SELECT 1"))
    session.close()
    engine.dispose()
    assert violations() == ()
