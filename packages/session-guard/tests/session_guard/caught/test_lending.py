"""What may be lent or handed over, and is then used by two all the same."""

import asyncio
from typing import Any

import pytest
from session_guard import SharedSessionError, hand_over, violations
from sqlalchemy.ext.asyncio import AsyncSession
from tests.session_guard.caught.pair import BETWEEN, add, add_and_flush, interleave, read, two
from tests.session_guard.conftest import Desk, Note, Run


@pytest.mark.parametrize("end", ["commit", "rollback", "close"])
def test_a_child_that_outlives_the_request(desk: Desk, run: Run, end: str) -> None:
    """Forbids that the end of the request is refused to its owner, and that the borrower, which
    goes on without its transaction, is told that all went well."""

    async def scenario() -> None:
        async with desk.maker() as maker:
            used, ended = asyncio.Event(), asyncio.Event()

            async def background(session: AsyncSession) -> None:
                session.add(Note(text="background"))
                await session.flush()
                used.set()
                await ended.wait()
                with pytest.raises(SharedSessionError, match=r"taken back") as caught:
                    await session.commit()
                assert f"with {end}()" in str(caught.value)
                assert "test_lending.py:" in caught.value.violation.holder_at
                await session.close()

            session = maker()
            child = asyncio.create_task(background(session))
            await used.wait()
            await getattr(session, end)()
            assert violations() == ()
            ended.set()
            await child
            await session.close()

    run(scenario())
    assert desk.texts == ["background"] * (end == "commit")
    assert [found.kind for found in violations()] == ["loan taken back"]


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


@pytest.mark.parametrize("end", ["commit", "rollback", "close"])
def test_what_a_child_ended_is_the_lenders_still(desk: Desk, run: Run, end: str) -> None:
    """Forbids a child that ended its parent's transaction to hide what the parent begins next."""

    async def scenario() -> list[Any]:
        async with two(desk) as session:

            async def after_an_end_by_a_child(session: AsyncSession) -> None:
                await read(session)
                await asyncio.create_task(getattr(session, end)())
                await add_and_flush(session)

            return await interleave(session, after_an_end_by_a_child, BETWEEN["rolls back"])

    mine, others = run(scenario())
    assert mine is None
    assert isinstance(others, SharedSessionError)
    assert desk.texts == ["a"]


def test_a_child_ends_nothing_that_its_sibling_holds(desk: Desk, run: Run) -> None:
    """Forbids that the end of a transaction is let pass for any child of somebody who used it."""

    async def scenario() -> list[Any]:
        async with two(desk) as session:

            async def by_a_child_that_lives(session: AsyncSession) -> None:
                await add_and_flush(session)

            await read(session)
            return await interleave(session, by_a_child_that_lives, BETWEEN["commits"])

    mine, others = run(scenario())
    assert mine is None
    assert isinstance(others, SharedSessionError)


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
