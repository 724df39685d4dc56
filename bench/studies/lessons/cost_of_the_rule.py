"""The lesson `cost-of-the-rule`: what a session for each task costs, and what sharing saves."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.pool import NullPool

from bench.studies.lessons.fixture import NAP, Fixture
from bench.studies.lessons.lesson import LessonSetting

if TYPE_CHECKING:
    from rich.console import RenderableType

TRIALS = 30
"""Rounds; in each, everything is timed once, in shuffled order."""

_CALLS = 20
_TASKS = 20
_POOLS = (1, 2, 5, 10, 20)
_TIMEOUT_S = 120.0
_ONE = text("SELECT 1")

Call = Callable[[], Awaitable[object]]


def measure(setting: LessonSetting) -> dict[str, Any]:
    """`calls`: ns a call, a value a round. `crowds`: ns for 20 tasks of 10 ms, likewise."""
    crew, url = setting.crew, setting.database.url
    pending = crew.submit("cost", _run, url, setting.driver, setting.trials)
    found: dict[str, Any] = crew.result(pending, _TIMEOUT_S)
    return found


def conclude(found: Mapping[str, Any]) -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    from bench.analysis import stats

    rounds, fewer = (len(next(iter(found[part].values()))) for part in ("calls", "crowds"))
    return Group(
        _table("one after the other", "a call", found["calls"]),
        Text(),
        _table(f"{_TASKS} tasks, a statement of 10 ms each", "all of them", found["crowds"]),
        Text(),
        Text(
            f"Medians. One after the other, {stats.describe_interval(rounds)}; of the tasks, "
            f"{stats.describe_interval(fewer)}.",
            style="dim",
        ),
    )


def _table(what: str, heading: str, figures: Mapping[str, list[float]]) -> "RenderableType":
    from rich.table import Table

    from bench.analysis import stats
    from bench.model.units import TIMES, with_unit

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column(what, no_wrap=True)
    made.add_column(heading, justify="right", no_wrap=True)
    made.add_column("interval", no_wrap=True, style="dim")
    for name, values in figures.items():
        found = stats.median_over_rounds(values)
        assert found is not None
        spread = ""
        if found.low is not None and found.high is not None:
            spread = f"{with_unit(found.low, TIMES)} to {with_unit(found.high, TIMES)}"
        made.add_row(name, with_unit(found.median, TIMES), spread)
    return made


def _run(url: str, driver: str, rounds: int) -> dict[str, Any]:
    return asyncio.run(_measure(Fixture(url, f"gatherbench-lesson-{os.getpid()}", driver), rounds))


async def _measure(shop: Fixture, rounds: int) -> dict[str, Any]:
    async with _calls(shop) as calls:
        each = await _timed(calls, _CALLS, rounds)
    async with _crowds(shop) as crowds:
        together = await _timed(crowds, 1, -(-rounds // 3))
    return {"calls": each, "crowds": together}


async def _timed(calls: Mapping[str, Call], times: int, rounds: int) -> dict[str, list[float]]:
    """ns a call, a value a round; the first round only warms up."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    random = Random(rounds)
    for number in range(rounds + 1):
        for name in random.sample(list(calls), len(calls)):
            call = calls[name]
            began = time.perf_counter_ns()
            for _ in range(times):
                await call()
            if number:
                found[name].append((time.perf_counter_ns() - began) / times)
    return found


@asynccontextmanager
async def _calls(shop: Fixture) -> AsyncIterator[dict[str, Call]]:
    """What one may do for each task, from nothing to a connection of its own."""
    pinged = shop.make_engine(pool_pre_ping=True)
    unpooled = shop.make_engine(poolclass=NullPool)
    autocommit = shop.engine.execution_options(isolation_level="AUTOCOMMIT")
    engines = {
        "session: open, SELECT 1, close": shop.engine,
        "the same with AUTOCOMMIT": autocommit,
        "the same with pool_pre_ping": pinged,
        "the same with NullPool": unpooled,
    }

    async def session() -> None:
        await shop.sessions().close()

    async def checkout() -> None:
        await (await shop.engine.connect()).close()

    def whole(engine: Any) -> Call:
        async def unit() -> None:
            async with shop.sessions(bind=engine) as own:
                await own.execute(_ONE)

        return unit

    async with shop.sessions() as opened:
        await opened.execute(_ONE)
        try:
            yield {
                "session: make and close, unused": session,
                "pool: check out and return": checkout,
                "SELECT 1 on an open session": lambda: opened.execute(_ONE),
            } | {name: whole(engine) for name, engine in engines.items()}
        finally:
            await pinged.dispose()
            await unpooled.dispose()
    await shop.close()


@asynccontextmanager
async def _crowds(shop: Fixture) -> AsyncIterator[dict[str, Call]]:
    """20 tasks of 10 ms: in a loop, on one session, and on sessions of their own."""
    shops = {
        size: Fixture(
            shop.url, shop.name, shop.driver, options={"pool_size": size, "max_overflow": 0}
        )
        for size in _POOLS
    }
    for size, each in shops.items():
        await each.warm_up(size)
    largest = shops[_POOLS[-1]]

    async def loop() -> None:
        async with largest.sessions() as session:
            for _ in range(_TASKS):
                await session.execute(NAP)

    async def shared() -> None:
        async with largest.sessions() as session:
            await asyncio.gather(*(session.execute(NAP) for _ in range(_TASKS)))

    def apart(each: Fixture) -> Call:
        async def task() -> None:
            async with each.sessions() as session:
                await session.execute(NAP)

        async def crowd() -> None:
            await asyncio.gather(*(task() for _ in range(_TASKS)))

        return crowd

    try:
        yield {"a for loop": loop, "gather on one session": shared} | {
            f"a session each, pool of {size}": apart(each) for size, each in shops.items()
        }
    finally:
        for each in shops.values():
            await each.close()
