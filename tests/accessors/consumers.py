"""Consumers of a read's rows in either mode. They may be slow, or stop before the end."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any

import pytest

from bench.measure.fetch_calls import call_of
from bench.model.fetch import Fetch

CUSTOMERS, ORDERS = "get_customers", "get_orders_between_dates"
SPRING = datetime(2024, 3, 1), datetime(2024, 4, 21)

every_way = pytest.mark.parametrize("way", ["streamed", "batched", "iterated", "single-row"])
both_functions = pytest.mark.parametrize("function", [CUSTOMERS, ORDERS])

Opener = Callable[[], Any]
After = Callable[[int], float | None]
"""Called with the number of portions so far; gives the seconds to sleep, or raises."""


def arguments(function: str) -> tuple[datetime, ...]:
    return SPRING if function == ORDERS else ()


def offered(library: Any, way: Any, size: int | None) -> Fetch:
    """Return the fetch; skip the test if the library does not offer it."""
    fetch = Fetch(way, None if way == "iterated" else size)
    if not fetch.offered_by(library.backend):
        pytest.skip(f"{library.backend.name} has no {way} fetch")
    return fetch


def opener(library: Any, session: Any, way: str, function: str, size: int | None = None) -> Opener:
    """Return a call that opens the rows of the function by this fetch."""
    fetch = offered(library, way, size)
    return partial(call_of(session.accessor, function, fetch), *arguments(function))


def consumed(library: Any, opened: Opener, after: After = lambda number: None) -> list[Any]:
    """Return every portion, a row or a batch. All are kept to the end."""
    if library.backend.mode == "async":
        found: list[Any] = library.wait(consumed_in_loop(opened, after))
        return found
    portions = []
    with opened() as stream:
        for portion in stream:
            portions.append(portion)
            if pause := after(len(portions)):
                time.sleep(pause)
    return portions


async def consumed_in_loop(opened: Opener, after: After = lambda number: None) -> list[Any]:
    """Do the same in the async mode, in one task."""
    portions = []
    async with opened() as stream:
        async for portion in stream:
            portions.append(portion)
            if pause := after(len(portions)):
                await asyncio.sleep(pause)
    return portions


def answers(library: Any, function: str, way: str, portions: list[Any]) -> list[dict[str, Any]]:
    """Return the rows of the portions as plain dicts."""
    rows = list(chain.from_iterable(portions)) if way == "batched" else portions
    found: list[dict[str, Any]] = library.dicts(function, rows)
    return found


def expected(truth: Any, function: str) -> list[dict[str, Any]]:
    """Return the complete right answer of the function."""
    found: list[dict[str, Any]] = (
        truth.customers if function == CUSTOMERS else truth.between(*SPRING)
    )
    return found
