"""Pools are open before the first session, and closed at the end; a session has a connection of its
own, and returns it without an open transaction."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import func, select

from accessors.statements import Read

IN_TRANSACTION = "idle in transaction"
CONCURRENCY = 3

pytestmark = pytest.mark.usefixtures("on_server")


@pytest.fixture(scope="module")
def library(closed_library: Any) -> Iterator[Any]:
    with closed_library.opened(pool_size=CONCURRENCY):
        yield closed_library


def own_read(library: Any, function: str, *arguments: Any) -> Any:
    """Return a statement of this test, in the form that the library takes."""
    if library.backend.layer == "driver":
        return f"SELECT {function}({', '.join(map(str, arguments))})"
    return Read(select(getattr(func, function)(*arguments)))


def test_as_many_sessions_as_connections_at_once(library: Any, observer: Any) -> None:
    """Each session has its own connection; none is opened outside the pool, or opened again."""
    read = own_read(library, "pg_backend_pid")
    pids = set()
    for _ in range(2):
        with ExitStack() as stack:
            sessions = [stack.enter_context(library.session()) for _ in range(CONCURRENCY)]
            pids_at_once = {session.fetch_value(read) for session in sessions}
            assert len(pids_at_once) == CONCURRENCY
            pids |= pids_at_once
            assert len(observer.states(library)) == CONCURRENCY
    assert len(pids) == CONCURRENCY


def test_sessions_may_stream_side_by_side(library: Any, observer: Any) -> None:
    with ExitStack() as stack:
        sessions = [stack.enter_context(library.session()) for _ in range(CONCURRENCY)]
        streams = [
            stack.enter_context(session.stream("get_customers", batch_size=2))
            for session in sessions
        ]
        for _ in range(5):
            for stream in streams:
                assert next(stream) is not None
        assert observer.states(library) == [IN_TRANSACTION] * CONCURRENCY
    assert observer.states(library) == ["idle"] * CONCURRENCY


def test_nothing_is_sent_around_an_autocommit_read(library: Any, observer: Any) -> None:
    """Under `implicit` the transaction of a read ends with the session, as in most applications."""
    held = [] if library.transactions == "autocommit" else [IN_TRANSACTION]
    with library.session() as session:
        for read in (
            lambda: session.get_total_cost_of_an_order(1),
            lambda: session.get_orders_of_customer(1),
            session.get_customers,
        ):
            read()
            busy = [state for state in observer.states(library) if state != "idle"]
            assert busy == held
    assert observer.states(library) == ["idle"] * CONCURRENCY


def test_a_session_that_failed_returns_its_connection_clean(library: Any, observer: Any) -> None:
    def failing() -> None:
        with library.session() as session:
            session.get_total_cost_of_an_order(1)
            raise LookupError

    for _ in range(CONCURRENCY + 1):  # more often than the pool has connections
        with pytest.raises(LookupError):
            failing()
    assert observer.states(library) == ["idle"] * CONCURRENCY
    with library.session() as session:
        assert session.get_total_cost_of_an_order(1) == 30


def test_a_session_left_within_a_stream_returns_its_connection_clean(
    library: Any, observer: Any
) -> None:
    def failing() -> None:
        with library.session() as session, session.stream("get_customers", batch_size=2) as rows:
            next(rows)
            raise LookupError

    for _ in range(CONCURRENCY + 1):
        with pytest.raises(LookupError):
            failing()
    assert observer.states(library) == ["idle"] * CONCURRENCY


def test_cancelled_in_mid_query_a_session_leaves_nothing(library: Any, observer: Any) -> None:
    """Forbids that the pool loses a connection if a deadline passes while the server works."""
    if library.backend.mode == "sync":
        pytest.skip("a thread can't be cancelled")
    read = own_read(library, "pg_sleep", 30)

    async def strike() -> None:
        async def sleeper() -> None:
            async with library.backend.accessor() as accessor:
                await accessor.fetch_all(read)

        task = asyncio.create_task(sleeper())
        while not observer.waits(library, "Timeout"):  # noqa: ASYNC110 - the server sends no event
            await asyncio.sleep(0.002)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    for _ in range(CONCURRENCY + 1):
        library.wait(strike())
    with ExitStack() as stack:
        for _ in range(CONCURRENCY):
            session = stack.enter_context(library.session())
            assert session.get_total_cost_of_an_order(1) == 30
    assert observer.settles(library, ["idle"] * CONCURRENCY)


@pytest.mark.parametrize("size", [1, 5])
def test_a_pool_is_whole_while_open_and_gone_when_closed(
    library: Any, observer: Any, size: int
) -> None:
    another = library.another()
    assert observer.states(another) == []
    with another.opened(pool_size=size):
        assert observer.states(another) == ["idle"] * size
        with another.session() as session:
            session.get_total_cost_of_an_order(1)
        assert len(observer.states(another)) == size
    assert observer.gone(another)


def test_a_pool_is_closed_on_an_error_too(library: Any, observer: Any) -> None:
    another = library.another()
    with pytest.raises(LookupError), another.opened(pool_size=2):
        raise LookupError
    assert observer.gone(another)
