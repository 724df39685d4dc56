"""Fetches that not every library offers: iterated client-side cursors, and libpq's single rows."""

from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest

SPRING = datetime(2024, 3, 1), datetime(2024, 4, 21)
SIZES = (None, 1, 2, 7, 1000)


@pytest.fixture
def verb(on_server: None, library: Any, session: Any, request: Any) -> Any:
    """Return a call of a further method of the session's accessor on a read, in either mode."""

    @contextmanager
    def opened(name: str, read: Any, *arguments: Any, **size: int) -> Any:
        if name not in library.backend.also:
            pytest.skip(f"{library.backend.name} has no {name}")
        with library.entered(getattr(session.accessor, name)(read, *arguments, **size)) as rows:
            yield library.each(rows)

    return opened


@pytest.mark.parametrize("name", ["iterate", "stream_single_rows"])
def test_the_same_rows_in_the_same_order(
    verb: Any, library: Any, session: Any, truth: Any, name: str
) -> None:
    reads = session.accessor.reads
    for size in SIZES if name == "stream_single_rows" else (None,):
        sized = {} if size is None else {"batch_size": size}
        with verb(name, reads.customers, **sized) as rows:
            assert library.dicts("get_customers", list(rows)) == truth.customers, size
        with verb(name, reads.orders_between_dates, *SPRING, **sized) as rows:
            found = library.dicts("get_orders_between_dates", list(rows))
            assert found == truth.between(*SPRING), size


def test_single_rows_end_their_transaction(
    verb: Any, library: Any, session: Any, observer: Any
) -> None:
    with verb("stream_single_rows", session.accessor.reads.customers) as rows:
        next(rows)
        assert observer.states(library) == [
            "idle in transaction"
        ]  # all of so few rows are sent at once
        assert len(list(rows)) > 2
    assert observer.states(library) == ["idle"]


class LeftError(Exception):
    """A consumer's own failure."""


@pytest.mark.parametrize("how", ["left", "raised"])
def test_left_early_single_rows_are_cancelled_and_the_session_is_fit(
    verb: Any, restored: None, library: Any, session: Any, observer: Any, how: str
) -> None:
    """Forbids rows that are still being received when the next statement is sent."""
    try:
        with verb("stream_single_rows", session.accessor.reads.customers) as rows:
            next(rows)
            if how == "raised":
                raise LeftError
    except LeftError:
        pass
    assert observer.states(library) == ["idle"]
    assert session.get_total_cost_of_an_order(1) == 30
    session.insert_order_items(3, [(1, 1)])
    assert observer.lines(3) == [(1, 1)]


def test_an_iterated_cursor_had_every_row_before_the_first(
    verb: Any, library: Any, session: Any, observer: Any
) -> None:
    """The fetch looks like a stream, but the server has no work left."""
    with verb("iterate", session.accessor.reads.customers) as rows:
        next(rows)
        assert observer.states(library)[0] != "active"
