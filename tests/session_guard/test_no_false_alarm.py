"""What is right stays unmolested, with the session's guard and the engine's both on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.to_thread
import pytest
from sqlalchemy import event, select, text
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
)
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.util import greenlet_spawn

from session_guard import GuardedSession, guard_engine, hand_over, violations
from tests.session_guard.conftest import Desk, Note, Run

Maker = async_sessionmaker[AsyncSession]


@pytest.fixture(autouse=True)
def _no_alarm(desk: Desk) -> Iterator[None]:
    yield
    assert violations() == ()


@asynccontextmanager
async def opened(desk: Desk, **options: Any) -> AsyncIterator[Maker]:
    async with desk.maker(**options) as maker:
        guard_engine(maker.kw["bind"])
        yield maker


async def add(session: AsyncSession, words: str) -> None:
    """Add, and leave the transaction open."""
    session.add(Note(text=words))
    await session.flush()


async def in_a_task(coroutine: Any) -> Any:
    return await asyncio.create_task(coroutine)


def test_a_fixture_opens_it_in_another_task(desk: Desk) -> None:
    """As pytest-asyncio does: fixtures and tests are tasks, one after another."""
    stages: list[Any] = []

    async def set_up() -> AsyncSession:
        engine = desk.engine()
        session = async_sessionmaker(await engine.__aenter__(), sync_session_class=GuardedSession)()
        stages.append(engine)
        await add(session, "fixture")
        return session

    async def use(session: AsyncSession) -> None:
        await add(session, "test")

    async def tear_down(session: AsyncSession) -> None:
        await session.commit()
        await session.close()
        await stages.pop().__aexit__(None, None, None)

    with asyncio.Runner() as runner:
        session = runner.run(set_up())
        runner.run(use(session))
        runner.run(tear_down(session))
    assert desk.texts == ["fixture", "test"]


def test_a_generator_fixture_is_closed_in_another_task(desk: Desk, run: Run) -> None:
    async def fixture() -> AsyncIterator[AsyncSession]:
        async with opened(desk) as maker, maker() as session:
            yield session

    async def use(session: AsyncSession) -> None:
        await add(session, "test")

    async def scenario() -> None:
        generator = fixture()
        session = await in_a_task(anext(generator))
        await in_a_task(use(session))
        await in_a_task(anext(generator, None))

    run(scenario())


def test_it_changes_hands_between_transactions(desk: Desk, run: Run) -> None:
    """Two living tasks, turn by turn, each turn a transaction."""

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
    """In an open transaction, by a task that lives on."""

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
    """Up to Python 3.11."""

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
                    await asyncio.wait_for(session.execute(text("SELECT pg_sleep(5)")), 0.02)
                await session.rollback()
                await add(session, "a")
                await session.commit()
            async with maker() as session, asyncio.timeout(10):
                await add(session, "b")
                await session.commit()
            async with maker() as session:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await session.execute(text("SELECT pg_sleep(5)"))
                await session.rollback()

    run(scenario())
    assert desk.texts == ["a", "b"]


def test_a_session_for_each_task_of_a_group(desk: Desk, run: Run) -> None:
    async def scenario() -> None:
        async with opened(desk) as maker:

            async def worker(name: str) -> None:
                async with maker() as session, session.begin():
                    await add(session, name)

            async with asyncio.TaskGroup() as group:
                for name in "abc":
                    group.create_task(worker(name))

    run(scenario())
    assert desk.texts == ["a", "b", "c"]


def test_sessions_made_by_the_parent_one_for_each_child(desk: Desk, run: Run) -> None:
    """Even strict: to make a session is not yet to use it."""

    async def worker(session: AsyncSession, name: str) -> None:
        async with session:
            await add(session, name)
            await session.commit()

    async def scenario() -> None:
        async with opened(desk, strict=True) as maker:
            await asyncio.gather(*(worker(maker(), name) for name in "abc"))

    run(scenario())
    assert desk.texts == ["a", "b", "c"]


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


def test_one_request_with_an_injected_session(desk: Desk, run: Run) -> None:
    """As Starlette runs it: each middleware puts the rest into a task of its own."""

    async def scenario() -> None:
        async with opened(desk) as maker:

            @asynccontextmanager
            async def dependency() -> AsyncIterator[AsyncSession]:
                async with maker() as session:
                    yield session
                    await session.commit()

            async def handler(name: str) -> None:
                async with dependency() as session:
                    await add(session, name)
                    await session.refresh((await session.scalars(select(Note))).first())

            async def middleware(call: Callable[..., Any], name: str) -> None:
                async with maker() as own, anyio.create_task_group() as group:
                    await own.execute(text("SELECT 1"))
                    group.start_soon(call, name)

            async def outer(name: str) -> None:
                await middleware(lambda name: middleware(handler, name), name)

            await outer("a")
            await outer("b")

    run(scenario())
    assert desk.texts == ["a", "b"]


def test_a_background_task_with_a_session_of_its_own(desk: Desk, run: Run) -> None:
    async def scenario() -> None:
        async with opened(desk) as maker:

            async def background() -> None:
                async with maker() as session, session.begin():
                    await add(session, "background")

            async with maker() as session:
                await add(session, "request")
                later = asyncio.create_task(background())
                await session.commit()
            await later

    run(scenario())
    assert desk.texts == ["background", "request"]


def test_scoped_by_the_current_task(desk: Desk, run: Run) -> None:
    async def scenario() -> None:
        async with opened(desk) as maker:
            session = async_scoped_session(maker, scopefunc=asyncio.current_task)

            async def worker(name: str) -> None:
                await add(session(), name)
                await asyncio.sleep(0.01)
                await session.commit()
                await session.remove()

            await asyncio.gather(worker("a"), worker("b"))

    run(scenario())
    assert desk.texts == ["a", "b"]


def test_nested_savepoints(desk: Desk, run: Run) -> None:
    async def scenario() -> None:
        async with opened(desk) as maker, maker.begin() as session:
            await add(session, "a")
            async with session.begin_nested():
                await add(session, "b")
                async with session.begin_nested() as inner:
                    await add(session, "lost")
                    await inner.rollback()
            await in_a_task(nested(session, "c"))

    async def nested(session: AsyncSession, name: str) -> None:
        async with session.begin_nested():
            await add(session, name)

    run(scenario())
    assert desk.texts == ["a", "b", "c"]


def test_streams_side_by_side(desk: Desk, run: Run) -> None:
    async def scenario() -> None:
        async with opened(desk) as maker:

            async def stream() -> int:
                async with maker() as session:
                    result = await session.stream(text("SELECT generate_series(1, 500)"))
                    return len([row async for row in result])

            assert await asyncio.gather(*(stream() for _ in range(3))) == [500] * 3

    run(scenario())


def test_an_abandoned_generator_is_closed_by_the_loop(desk: Desk, run: Run) -> None:
    """asyncio closes it in a task of its own."""

    async def scenario() -> None:
        async with opened(desk) as maker:

            async def rows() -> AsyncIterator[Any]:
                async with maker() as session:
                    for row in await session.execute(text("SELECT generate_series(1, 5)")):
                        yield row

            async for _ in rows():
                break
            for _ in range(20):
                await asyncio.sleep(0.005)

    run(scenario())


@pytest.mark.parametrize("steps", range(0, 60, 4))
def test_cancelled_anywhere(desk: Desk, run: Run, steps: int) -> None:
    """Whatever it was waiting for, the next task finds everything in order."""

    async def work(maker: Maker) -> None:
        async with maker() as session:
            await add(session, "a")
            async with session.begin_nested():
                await session.execute(text("SELECT 1"))
            await session.commit()
            await session.scalars(select(Note))

    async def scenario() -> None:
        async with opened(desk) as maker:
            task = asyncio.create_task(work(maker))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            await work(maker)

    run(scenario())
    assert set(desk.texts) == {"a"}


def test_a_closing_that_is_shielded_and_cancelled(desk: Desk, run: Run) -> None:
    """SQLAlchemy ends a `with` in a shielded task: it goes on after its parent is cancelled."""

    async def work(maker: Maker, ready: asyncio.Event) -> None:
        async with maker() as session:
            await add(session, "lost")
            ready.set()

    async def scenario() -> None:
        async with opened(desk) as maker:
            ready = asyncio.Event()
            task = asyncio.create_task(work(maker, ready))
            await ready.wait()
            task.cancel()
            await asyncio.wait([task])

    run(scenario())
    assert desk.texts == []


def test_a_session_for_each_thread(desk: Desk) -> None:
    engine = desk.sync_engine()
    guard_engine(engine)
    maker = sessionmaker(engine, class_=GuardedSession)

    def work(name: str) -> None:
        with maker() as session, session.begin():
            session.add(Note(text=name))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, "abc"))
    engine.dispose()
    assert desk.texts == ["a", "b", "c"]


def test_a_request_that_moves_through_a_pool_of_threads(desk: Desk, run: Run) -> None:
    """As FastAPI runs sync dependencies and endpoints: begun in one thread, ended in another."""
    engine = desk.sync_engine()
    guard_engine(engine)
    maker = sessionmaker(engine, class_=GuardedSession)

    async def scenario() -> None:
        async def request(name: str) -> None:
            session = await anyio.to_thread.run_sync(maker)
            note = Note(text=name)
            await anyio.to_thread.run_sync(session.add, note)
            await asyncio.to_thread(session.flush)
            session.refresh(note)  # an async endpoint, with the session of a sync dependency
            await anyio.to_thread.run_sync(session.commit)
            await asyncio.get_running_loop().run_in_executor(None, session.close)

        await asyncio.gather(*(request(name) for name in "abc"))

    run(scenario())
    engine.dispose()
    assert desk.texts == ["a", "b", "c"]


def test_scoped_by_the_thread(desk: Desk) -> None:
    engine = desk.sync_engine()
    session = scoped_session(sessionmaker(engine, class_=GuardedSession))

    def work(name: str) -> None:
        session.add(Note(text=name))
        session.commit()
        session.remove()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, "abc"))
    engine.dispose()
    assert desk.texts == ["a", "b", "c"]


def test_run_sync_and_greenlet_spawn(desk: Desk, run: Run) -> None:
    def sync(session: Session, name: str) -> None:
        with session.begin_nested():
            session.add(Note(text=name))
        session.scalars(select(Note)).all()

    async def scenario() -> None:
        async with opened(desk) as maker, maker() as session:
            await session.run_sync(sync, "a")
            await greenlet_spawn(sync, session.sync_session, "b")
            await session.commit()

    run(scenario())
    assert desk.texts == ["a", "b"]


def test_awaitable_attributes_and_expired_instances(desk: Desk, run: Run) -> None:
    async def scenario() -> None:
        async with opened(desk) as maker, maker() as session:
            note = Note(text="a")
            session.add(note)
            await session.commit()
            assert await note.awaitable_attrs.text == "a"
            note.text = "b"
            await session.commit()

    run(scenario())
    assert desk.texts == ["b"]


def test_an_attribute_begins_a_transaction_for_the_next_user(desk: Desk, run: Run) -> None:
    """The first user lives, and has nothing at stake any more."""

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


def test_a_listener_that_uses_the_session(desk: Desk, run: Run) -> None:
    async def scenario() -> None:
        async with opened(desk) as maker, maker() as session:

            @event.listens_for(session.sync_session, "before_flush")
            def count(session: Session, *_: Any) -> None:
                with session.no_autoflush:
                    session.execute(text("SELECT 1"))

            await add(session, "a")
            await session.commit()

    run(scenario())
    assert desk.texts == ["a"]


def test_core_connections(desk: Desk, run: Run) -> None:
    """One for each task, lent, streamed from, in savepoints."""
    insert = text("INSERT INTO note (text) VALUES (:text)")

    async def nested(connection: AsyncConnection, name: str) -> None:
        async with connection.begin_nested():
            await connection.execute(insert, {"text": name})

    async def work(engine: AsyncEngine, name: str) -> None:
        async with engine.begin() as connection:
            await connection.execute(insert, {"text": name})
            await in_a_task(nested(connection, f"{name}, lent"))
            async with connection.stream(text("SELECT generate_series(1, 100)")) as rows:
                assert len([row async for row in rows]) == 100

    async def scenario() -> None:
        async with desk.engine() as engine:
            guard_engine(engine)
            await asyncio.gather(*(work(engine, name) for name in "ab"))

    run(scenario())
    assert desk.texts == ["a", "a, lent", "b", "b, lent"]


def test_an_autocommit_connection_between_its_statements(desk: Desk, run: Run) -> None:
    """SQLAlchemy says that it is in a transaction; the server knows of none."""

    async def scenario() -> None:
        async with desk.engine(isolation_level="AUTOCOMMIT") as engine:
            guard_engine(engine)
            async with engine.connect() as connection:
                turn = asyncio.Lock()

                async def worker(name: str) -> None:
                    for _ in range(3):
                        async with turn:
                            await connection.execute(text("SELECT 1"))
                        await asyncio.sleep(0)

                await asyncio.gather(worker("a"), worker("b"))

    run(scenario())
