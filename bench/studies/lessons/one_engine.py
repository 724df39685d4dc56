"""The lesson `one-engine`: an engine for every call, as in the workshop, or one for all calls."""

import asyncio
import gc
import logging
import os
import time
import warnings
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.pool import NullPool

from bench.server.database import Database
from bench.studies.lessons.db_probe import DatabaseProbe
from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.lesson import LessonSetting
from bench.studies.lessons.outcome import RaisedError

if TYPE_CHECKING:
    from rich.console import RenderableType

TRIALS = 20
"""The number of rounds. Each round times every way once, in shuffled order."""

_CALLS = 3
_SHOWN_CALLS = 50
_KEPT_FREE = 10
"""Connections that stay free for other clients of a server that is not embedded."""
_MOST_ON_OTHER_SERVERS = 50
_TIMEOUT_S = 120.0
_ONE = text("SELECT 1")

LEFT_OPEN = "an engine a call, left open"
UNCOLLECTED = "an engine a call, left open, gc off"
"""The garbage collector closes engines without a reference. Here it is off."""
DISPOSED = "an engine a call, disposed of"
UNPOOLED = "one engine, NullPool"
PINGED = "one engine, pool_pre_ping"
POOLED = "one engine"


def measure(setting: LessonSetting) -> dict[str, Any]:
    """Return the results by key.

    `calls` has nanoseconds per call, one value for each round. `open` has the number of open
    connections after each call. `shown_calls` is how many calls every way made. `refusal` is the
    server's error, or empty.
    """
    # The embedded server may run out of connections. On another server some stay free.
    most = setting.database.free_connections()
    if not setting.embedded:
        most = min(most - _KEPT_FREE, _MOST_ON_OTHER_SERVERS)
    else:
        most += _KEPT_FREE
    pending = setting.worker_pool.submit(
        "engines", _run, setting.database.url, setting.driver, setting.trials, most
    )
    results: dict[str, Any] = setting.worker_pool.result(pending, _TIMEOUT_S)
    return results


def conclude(found: Mapping[str, Any]) -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    from bench.analysis import ratios
    from bench.output.terminal.whole_table import WholeTable
    from bench.studies.lessons import medians

    table = WholeTable(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("open, SELECT 1, close", no_wrap=True)
    table.add_column("per call", justify="right", no_wrap=True)
    table.add_column("interval", no_wrap=True, style="dim")
    table.add_column("ratio", justify="right", no_wrap=True)
    table.add_column("open", justify="right", no_wrap=True)
    for name, values in found["calls"].items():
        ratio = ratios.ratio_of_rounds(
            dict(enumerate(values)), dict(enumerate(found["calls"][POOLED]))
        )
        assert ratio is not None
        left_open = str(found["open"][name][found["shown_calls"] - 1])
        table.add_row(name, *medians.cells(values), f"{ratio.median:.1f}", left_open)
    table.add_row(
        UNCOLLECTED, "", "", "", str(found["open"][UNCOLLECTED][found["shown_calls"] - 1])
    )
    legend = (
        f"ratio: the time divided by that of `{POOLED}`. "
        f"open: open connections after {found['shown_calls']} calls."
    )
    return Group(table, Text(), Text(refusal(found)), Text(legend, style="dim"))


def refusal(found: Mapping[str, Any]) -> str:
    """Return a sentence that says at which call the server refused a connection."""
    held = found["open"][UNCOLLECTED]
    if not found["refusal"]:
        return (
            f"With engines left open and never collected, {len(held)} calls hold {held[-1]} "
            "connections. The lesson tried no more calls."
        )
    return (
        "With engines left open and never collected, the server refuses the connection of call "
        f"{len(held) + 1} ({found['refusal']})."
    )


def _run(url: str, driver: str, rounds: int, most: int) -> dict[str, Any]:
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = asyncio.run(_measure(url, driver, rounds, most))
        gc.collect()
    return results


async def _measure(url: str, driver: str, rounds: int, most: int) -> dict[str, Any]:
    name = f"gatherbench-lesson-{os.getpid()}"
    shop, passing = Fixture(url, name, driver), Fixture(url, f"{name}-passing", driver)
    unpooled, pinged = shop.make_engine(poolclass=NullPool), shop.make_engine(pool_pre_ping=True)
    ways: dict[str, Callable[[], Awaitable[None]]] = {
        LEFT_OPEN: lambda: _left_open(passing),
        DISPOSED: lambda: _disposed(passing),
        UNPOOLED: lambda: _call(unpooled),
        PINGED: lambda: _call(pinged),
        POOLED: lambda: _call(shop.engine),
    }
    timed: dict[str, list[float]] = {way: [] for way in ways}
    counted: dict[str, list[int]] = {}
    random = Random(rounds)
    with Database(url).connect() as connection:
        probe = DatabaseProbe(connection, passing.name)
        for number in range(rounds + 1):  # the first round only warms up
            for way in random.sample(list(ways), len(ways)):
                began = time.perf_counter_ns()
                for _ in range(_CALLS):
                    await ways[way]()
                if number:
                    timed[way].append((time.perf_counter_ns() - began) / _CALLS)
                probe.end_all()
        for engine in (unpooled, pinged, shop.engine):
            await engine.dispose()
        all_connections = DatabaseProbe(connection, name)
        for way, call in ways.items():
            gc.collect()
            calls = most if way == LEFT_OPEN else _SHOWN_CALLS
            counted[way], _ = await _count(call, all_connections, calls)
            await asyncio.gather(pinged.dispose(), shop.engine.dispose())
            probe.end_all()
        gc.disable()
        counted[UNCOLLECTED], refused = await _count(ways[LEFT_OPEN], all_connections, most)
        gc.enable()
        probe.end_all()
    return {
        "calls": timed,
        "open": counted,
        "shown_calls": min(map(len, counted.values())),
        "refusal": refused,
    }


async def _count(
    call: Callable[[], Awaitable[None]], probe: DatabaseProbe, calls: int
) -> tuple[list[int], str]:
    """Return the number of open connections after each call, and the error that ended the calls.

    The error is empty if all calls succeeded.
    """
    counted: list[int] = []
    for _ in range(calls):
        try:
            await call()
        except Exception as error:
            failure = RaisedError.of(error)
            return counted, f"{failure.kind}: {failure.message}"
        counted.append(probe.open_connections())
    return counted, ""


async def _left_open(shop: Fixture) -> None:
    await _call(shop.make_engine())


async def _disposed(shop: Fixture) -> None:
    engine = shop.make_engine()
    await _call(engine)
    await engine.dispose()


async def _call(engine: AsyncEngine) -> None:
    async with async_sessionmaker(engine)() as session:
        await session.execute(_ONE)
