"""Sessions that are lent or handed over, and that two tasks use nevertheless."""

import asyncio
from typing import Any

import pytest
from session_guard import SharedSessionError, hand_over, violations
from sqlalchemy.ext.asyncio import AsyncSession
from tests.session_guard.caught.pair import BETWEEN, add, add_and_flush, interleave, read, two
from tests.session_guard.conftest import Desk, Note, Run


@pytest.mark.parametrize("end", ["commit", "rollback", "close"])
def test_a_child_that_outlives_the_request(desk: Desk, run: Run, end: str) -> None:
    """Forbids that the owner may not end the request. Also forbids that the borrower, whose
    transaction is gone, gets no error."""

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
    """An ancestor may lend its session to one task at a time."""

    async def scenario() -> list[Any]:
        async with two(desk) as session:
            await read(session)
            return await interleave(session, add, BETWEEN["commits"])

    mine, others = run(scenario())
    assert mine is None
    assert isinstance(others, SharedSessionError)


def test_a_loan_ends_with_its_borrower(desk: Desk, run: Run) -> None:
    """The borrower has ended, like the inner task of `wait_for` in 3.11; the lender goes on."""

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
def test_the_lender_owns_what_it_begins_after_a_child_has_ended_it(
    desk: Desk, run: Run, end: str
) -> None:
    """Forbids that the parent's next transaction is unguarded after a child ended its last."""

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
    """Forbids that any child of a user may end the transaction."""

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
    """A strict session refuses a second user. SQLAlchemy may still close it in another task."""

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


def test_setting_an_attribute_makes_the_task_the_first_user(desk: Desk, run: Run) -> None:
    """The task that sets an attribute is the first user, though it does not call the session."""

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
