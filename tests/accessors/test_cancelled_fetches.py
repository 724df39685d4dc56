"""A task that is cancelled while it waits for rows of the server leaves nothing behind it.

A lock of another connection stops the server, so that each fetch is pending when it is cancelled.
The lock is still held when the fetch has ended: the statement was abandoned, not waited for.
"""

import asyncio
import gc
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import literal_column, select, text

from accessors import load
from accessors.statements import Read
from bench.measure.fetch_calls import verb_of
from tests.accessors.conftest import MATRIX
from tests.accessors.consumers import (
    CUSTOMERS,
    ORDERS,
    After,
    Opener,
    answers,
    arguments,
    both_functions,
    consumed,
    consumed_in_loop,
    every_way,
    expected,
    offered,
    opener,
)

ASYNC = [
    (name, mode) for name, mode in MATRIX if load(name).mode == "async" and not load(name).in_memory
]

LOCK, WAITS_AFTER = 7, 120
"""More rows than SQLAlchemy's asyncpg cursor fetches ahead, whatever the batch size: 50."""
# Rows so large that some are sent before the server waits.
_COLUMNS = (
    "n",
    "repeat('x', 1000)",
    f"CASE WHEN n > {WAITS_AFTER} THEN pg_advisory_xact_lock_shared({LOCK}) IS NULL END",
)
_SERIES = f"generate_series(1, {2 * WAITS_AFTER}) n"

pytestmark = [
    pytest.mark.parametrize("closed_library", ASYNC, indirect=True, ids="-".join, scope="module"),
    # SQLAlchemy's _handle_dbapi_exception abandons a cancelled connection without closing its
    # cursor, and psycopg's AsyncServerCursor warns of that when it is collected.
    pytest.mark.filterwarnings("ignore:.*AsyncServerCursor.*still open:ResourceWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Iterator[None]:
    """Let this warning come here at the latest, not in another test."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def other(shop: Any) -> Iterator[Any]:
    """Yield a connection that holds locks: an observer in a transaction sees no new states."""
    with shop.connect() as connection:
        yield connection


def cancel_when_it_waits(
    library: Any,
    observer: Any,
    opened: Opener,
    after: After,
    begun: Callable[[], bool] = lambda: True,
) -> None:
    async def cancelled() -> None:
        task = asyncio.create_task(consumed_in_loop(opened, after))
        async with asyncio.timeout(30):
            while not (observer.waits(library, "Lock") and begun()):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait({task}, timeout=30)
        assert task.cancelled()

    library.wait(cancelled())


def ended(library: Any, observer: Any) -> bool:
    """Return whether no connection of the library has a transaction or statement left.

    SQLAlchemy abandons the connection; a driver keeps it.
    """
    within_s = 0 if library.backend.layer == "driver" else 30
    return bool(observer.settles(library, [], ["idle"], within_s=within_s))


def check_fit(
    library: Any, session: Any, observer: Any, truth: Any, way: str, function: str
) -> None:
    """The session reads all rows by this fetch at once, in its own transactions mode."""
    portions = consumed(library, opener(library, session, way, function, size=2))
    assert answers(library, function, way, portions) == expected(truth, function)
    assert session.answers(function, *arguments(function)) == expected(truth, function)
    held = "idle" if library.transactions == "autocommit" else "idle in transaction"
    assert observer.states(library) == [held]


@every_way
@both_functions
def test_cancelled_before_its_first_row(
    library: Any, observer: Any, other: Any, truth: Any, way: str, function: str
) -> None:
    """Forbids a statement, lock or transaction that outlives the task that waited for it, and a
    session or pool that is unusable then. The ORM's orders wait for the lines of a first batch."""
    with library.session() as session:
        rows = opener(library, session, way, function, size=2)
        with other.transaction():
            table = "order_items" if function == ORDERS else "customer"
            other.execute(f"LOCK TABLE gatherbench.{table}")
            cancel_when_it_waits(library, observer, rows, lambda number: None)
            if way != "iterated" or library.transactions == "autocommit":
                assert ended(library, observer)
        # Otherwise it was a read. Its failed transaction ends with the session.
        if way != "iterated" or library.transactions == "autocommit":
            check_fit(library, session, observer, truth, way, function)
    assert observer.states(library) == ["idle"]
    with library.session() as session:
        check_fit(library, session, observer, truth, way, function)


@pytest.mark.parametrize("way", ["streamed", "batched", "single-row"])
def test_cancelled_between_its_rows(
    library: Any, observer: Any, other: Any, truth: Any, way: Any
) -> None:
    """Forbids an open cursor, or rows that are still being received, when the next statement is
    sent: the server had begun the cancelled fetch."""
    read: Any = f"SELECT {', '.join(_COLUMNS)} FROM {_SERIES}"
    if library.backend.layer != "driver":
        read = Read(select(*map(literal_column, _COLUMNS)).select_from(text(_SERIES)))
    seen: list[int] = []
    fetch = offered(library, way, size=2)
    with library.session() as session:
        with other.transaction():
            other.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            waiting = partial(verb_of(session.accessor, fetch), read)
            # The server may wait before the client has read all that was sent.
            cancel_when_it_waits(library, observer, waiting, seen.append, lambda: bool(seen))
            assert ended(library, observer)
        assert 0 < len(seen) <= WAITS_AFTER
        check_fit(library, session, observer, truth, way, ORDERS)
    assert observer.states(library) == ["idle"]
    with library.session() as session:
        check_fit(library, session, observer, truth, way, CUSTOMERS)
