"""An operation is in flight, and another task begins the next."""

import asyncio
from typing import Any

import pytest
from session_guard import SharedSessionError, violations
from sqlalchemy import text
from tests.session_guard.caught.pair import two
from tests.session_guard.conftest import Desk, Note, Run


def test_a_gather_of_reads(desk: Desk, run: Run) -> None:
    """Nothing is in the task but SQLAlchemy's coroutine: the line that started it is named."""

    async def scenario() -> list[Any]:
        async with two(desk) as session:
            reads = (session.execute(text("SELECT pg_sleep(0.01)")) for _ in range(3))
            return await asyncio.gather(*reads, return_exceptions=True)

    first, *others = run(scenario())
    assert first.all() == [(None,)]
    assert [type(error) for error in others] == [SharedSessionError] * 2
    assert {found.kind for found in violations()} == {"overlap"}
    (line,) = {found.at for found in violations()} | {found.holder_at for found in violations()}
    assert line.startswith("packages/session-guard/tests/session_guard/caught/test_overlap.py:")


def test_a_taskgroup_raises_it(desk: Desk, run: Run) -> None:
    async def scenario() -> None:
        async with two(desk) as session, asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(session.execute(text("SELECT pg_sleep(0.01)")))

    with pytest.raises(ExceptionGroup) as caught:
        run(scenario())
    assert caught.group_contains(SharedSessionError)


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
