"""The lesson `one-engine`: an engine for every call, as in the workshop, against one for all."""

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
"""Rounds; in each, every way is timed once, in shuffled order."""

_CALLS = 3
_SHOWN_CALLS = 50
_SPARED = 10
"""Connections that are left to others, on a server that is not ours."""
_MOST_ELSEWHERE = 50
_TIMEOUT_S = 120.0
_ONE = text("SELECT 1")

LEFT_OPEN = "an engine a call, left open"
UNCOLLECTED = "an engine a call, left open, gc off"
"""Engines that nobody holds are closed when the garbage collector comes by. Here it does not."""
DISPOSED = "an engine a call, disposed of"
UNPOOLED = "one engine, NullPool"
PINGED = "one engine, pool_pre_ping"
POOLED = "one engine"


def measure(setting: LessonSetting) -> dict[str, Any]:
    """`calls`: ns a call, a value a round; `open`: connections after each call; `refusal`."""
    # A server of ours may be brought to its limit; of another one so many stay free.
    most = setting.database.free_connections()
    if not setting.embedded:
        most = min(most - _SPARED, _MOST_ELSEWHERE)
    else:
        most += _SPARED
    database, crew = setting.database, setting.crew
    pending = crew.submit("engines", _run, database.url, setting.driver, setting.trials, most)
    found: dict[str, Any] = crew.result(pending, _TIMEOUT_S)
    return found


def conclude(found: Mapping[str, Any]) -> "RenderableType":
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from bench.analysis import ratios, stats
    from bench.model.units import TIMES, with_unit

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column("open, SELECT 1, close", no_wrap=True)
    made.add_column("a call", justify="right", no_wrap=True)
    made.add_column("interval", no_wrap=True, style="dim")
    made.add_column("times", justify="right", no_wrap=True)
    made.add_column("left", justify="right", no_wrap=True)
    for name, values in found["calls"].items():
        each = stats.median_over_rounds(values)
        ratio = ratios.ratio_of_rounds(
            dict(enumerate(values)), dict(enumerate(found["calls"][POOLED]))
        )
        assert each is not None
        assert ratio is not None
        spread = ""
        if each.low is not None and each.high is not None:
            spread = f"{with_unit(each.low, TIMES)} to {with_unit(each.high, TIMES)}"
        left = str(found["open"][name][found["shown_calls"] - 1])
        made.add_row(name, with_unit(each.median, TIMES), spread, f"{ratio.median:.1f}", left)
    made.add_row(UNCOLLECTED, "", "", "", str(found["open"][UNCOLLECTED][found["shown_calls"] - 1]))
    legend = f"times: of one engine. left: connections open after {found['shown_calls']} calls."
    return Group(made, Text(), Text(refusal(found)), Text(legend, style="dim"))


def refusal(found: Mapping[str, Any]) -> str:
    """When the server had enough, in a sentence."""
    held = found["open"][UNCOLLECTED]
    if not found["refusal"]:
        return (
            f"Left open and never collected, {len(held)} calls hold {held[-1]} connections; no "
            "more were tried."
        )
    return f"Left open and never collected, call {len(held) + 1} is refused ({found['refusal']})."


def _run(url: str, driver: str, rounds: int, most: int) -> dict[str, Any]:
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = asyncio.run(_measure(url, driver, rounds, most))
        gc.collect()
    return found


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
    timed: dict[str, list[float]] = {each: [] for each in ways}
    counted: dict[str, list[int]] = {}
    random = Random(rounds)
    with Database(url).connect() as connection:
        judge = DatabaseProbe(connection, passing.name)
        for number in range(rounds + 1):  # the first only warms up
            for each in random.sample(list(ways), len(ways)):
                began = time.perf_counter_ns()
                for _ in range(_CALLS):
                    await ways[each]()
                if number:
                    timed[each].append((time.perf_counter_ns() - began) / _CALLS)
                judge.end_all()
        for engine in (unpooled, pinged, shop.engine):
            await engine.dispose()
        everyone = DatabaseProbe(connection, name)
        for each, call in ways.items():
            gc.collect()
            calls = most if each == LEFT_OPEN else _SHOWN_CALLS
            counted[each], _ = await _count(call, everyone, calls)
            await asyncio.gather(pinged.dispose(), shop.engine.dispose())
            judge.end_all()
        gc.disable()
        counted[UNCOLLECTED], refused = await _count(ways[LEFT_OPEN], everyone, most)
        gc.enable()
        judge.end_all()
    return {
        "calls": timed,
        "open": counted,
        "shown_calls": min(map(len, counted.values())),
        "refusal": refused,
    }


async def _count(
    call: Callable[[], Awaitable[None]], judge: DatabaseProbe, calls: int
) -> tuple[list[int], str]:
    """How many connections are open after each of so many calls; what ended it before, in words."""
    counted: list[int] = []
    for _ in range(calls):
        try:
            await call()
        except Exception as error:
            failure = RaisedError.of(error)
            return counted, f"{failure.kind}: {failure.message}"
        counted.append(judge.open_connections())
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
