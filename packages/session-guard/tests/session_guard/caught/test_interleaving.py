"""Mistakes that corrupt data without an exception are refused, and the first user's work is kept.

No test depends on timing: events put the two tasks into the one order that goes wrong silently.
"""

from collections.abc import Callable
from typing import Any

import pytest
from session_guard import SharedSessionError, violations
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import async_scoped_session
from sqlalchemy.orm import Session
from tests.session_guard.caught.pair import BEFORE, BETWEEN, add, add_and_flush, interleave, two
from tests.session_guard.conftest import Desk, Run

TRIALS = 3


@pytest.mark.parametrize("between", BETWEEN)
def test_a_task_that_comes_in_between_is_refused(desk: Desk, run: Run, between: str) -> None:
    """The refusal comes at every step of the first task, whose answers are then true."""

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
    assert "caught/pair.py:" in violation.at
    assert "caught/pair.py:" in violation.holder_at
    assert violation.at != violation.holder_at
    assert violation.user.startswith("task ")
    assert violation.user != violation.holder
    for words in (violation.at, violation.holder, violation.holder_at, "hand_over(session)"):
        assert words in str(error)
    assert "https://docs.sqlalchemy.org/" in str(error)


def test_a_swallowed_error_is_found_all_the_same(desk: Desk, run: Run) -> None:
    async def scenario() -> None:
        async with two(desk) as session:
            await interleave(session, add, BETWEEN["commits"])

    run(scenario())
    assert len(violations()) == 1
    assert len(violations(clear=True)) == 1
    assert violations() == ()


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


def roll_back_transaction(session: Session) -> None:
    session.get_transaction().rollback()


@pytest.mark.parametrize("roll_back", [roll_back_transaction, Session.rollback])
def test_a_rollback_past_the_session_is_seen(
    desk: Desk, run: Run, roll_back: Callable[[Session], None]
) -> None:
    """Forbids that a rollback by a transaction object undoes another task's work. Also forbids that
    a rollback by the unguarded class, which is seen too late to refuse it, is not reported."""

    async def scenario() -> None:
        async with two(desk) as session:
            await interleave(session, add_and_flush, lambda session: session.run_sync(roll_back))

    run(scenario())
    refused = roll_back is roll_back_transaction
    assert [(found.kind, found.refused) for found in violations()] == [("interleaving", refused)]
    assert refused or "seen too late to refuse" in str(violations()[0])
    assert desk.texts == (["a"] if refused else [])
