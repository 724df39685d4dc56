"""After a consumer fails or is cancelled in the middle, its session can read everything again."""

import asyncio
from typing import Any

import pytest

from tests.accessors.consumers import (
    Opener,
    answers,
    arguments,
    both_functions,
    consumed,
    consumed_in_loop,
    every_way,
    expected,
    opener,
)

IN_TRANSACTION = "idle in transaction"
MIDDLE = 3
"""The number of portions before the interruption. Every result has many more, of two rows each."""

pytestmark = pytest.mark.usefixtures("on_server")


class LeftError(Exception):
    """A consumer's own failure."""


def interrupt(library: Any, opened: Opener, how: str) -> None:
    """Begin to consume, and stop in the middle: by cancelling a task, or by Ctrl+C in a thread."""
    error = LeftError if how == "raised" else KeyboardInterrupt

    def fail(number: int) -> None:
        if number == MIDDLE:
            raise error

    async def cancelled() -> None:
        reached = asyncio.Event()

        def sleep(number: int) -> float:
            if number < MIDDLE:
                return 0
            reached.set()
            return 60

        task = asyncio.create_task(consumed_in_loop(opened, sleep))
        async with asyncio.timeout(30):
            await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    if how == "cancelled" and library.backend.mode == "async":
        library.wait(cancelled())
        return
    with pytest.raises(error):
        consumed(library, opened, fail)


@every_way
@both_functions
@pytest.mark.parametrize("how", ["raised", "cancelled"])
def test_after_an_interrupted_stream_all_rows_are_read_again(
    library: Any, observer: Any, truth: Any, way: str, function: str, how: str
) -> None:
    """Forbids a cursor or transaction that outlives its consumer, rows of the old stream in the
    next, and a session that does not return to its own transactions mode."""
    held = "idle" if library.transactions == "autocommit" else IN_TRANSACTION
    with library.session() as session:
        rows = opener(library, session, way, function, size=2)
        interrupt(library, rows, how)
        # A client-side cursor is a read: its transaction under `implicit` ends with the session.
        left = held if way == "iterated" else "idle"
        assert observer.states(library) == [left]
        portions = consumed(library, rows)
        assert answers(library, function, way, portions) == expected(truth, function)
        assert observer.states(library) == [left]
        assert session.answers(function, *arguments(function)) == expected(truth, function)
        assert observer.states(library) == [held]
    assert observer.states(library) == ["idle"]
    with library.session() as session:
        portions = consumed(library, opener(library, session, way, function, size=2))
        assert answers(library, function, way, portions) == expected(truth, function)
