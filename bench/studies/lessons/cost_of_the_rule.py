"""The lesson `cost-of-the-rule`: the cost of a session for each task, and the gain of sharing."""

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
"""The number of rounds. Each round times every call once, in shuffled order."""

_CALLS = 20
_TASKS = 20
_POOLS = (1, 2, 5, 10, 20)
_TIMEOUT_S = 120.0
_ONE = text("SELECT 1")

Call = Callable[[], Awaitable[object]]


def measure(setting: LessonSetting) -> dict[str, Any]:
    """Return times by name, one value for each round.

    `calls` has nanoseconds for one call. `crowds` has nanoseconds for 20 tasks of 10 ms each.
    """
    worker_pool, url = setting.worker_pool, setting.database.url
    pending = worker_pool.submit("cost", _run, url, setting.driver, setting.trials)
    times: dict[str, Any] = worker_pool.result(pending, _TIMEOUT_S)
    return times


def conclude(found: Mapping[str, Any]) -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    from bench.analysis import stats

    rounds, task_rounds = (len(next(iter(found[part].values()))) for part in ("calls", "crowds"))
    return Group(
        _table("one after the other", "per call", found["calls"]),
        Text(),
        _table(f"{_TASKS} tasks, one statement of 10 ms each", "all tasks", found["crowds"]),
        Text(),
        Text(
            f"Medians over rounds. Calls ({stats.describe_interval(rounds)}). "
            f"Tasks ({stats.describe_interval(task_rounds)}).",
            style="dim",
        ),
    )


def _table(title: str, heading: str, figures: Mapping[str, list[float]]) -> "RenderableType":
    from bench.output.terminal.whole_table import WholeTable
    from bench.studies.lessons import medians

    table = WholeTable(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(title, no_wrap=True)
    table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("interval", no_wrap=True, style="dim")
    for name, values in figures.items():
        table.add_row(name, *medians.cells(values))
    return table


def _run(url: str, driver: str, rounds: int) -> dict[str, Any]:
    return asyncio.run(_measure(Fixture(url, f"gatherbench-lesson-{os.getpid()}", driver), rounds))


async def _measure(shop: Fixture, rounds: int) -> dict[str, Any]:
    async with _calls(shop) as calls:
        call_times = await _timed(calls, _CALLS, rounds)
    async with _task_groups(shop) as groups:
        group_times = await _timed(groups, 1, -(-rounds // 3))
    return {"calls": call_times, "crowds": group_times}


async def _timed(calls: Mapping[str, Call], times: int, rounds: int) -> dict[str, list[float]]:
    """Return nanoseconds per call, one value for each round. The first round only warms up."""
    measured: dict[str, list[float]] = {name: [] for name in calls}
    random = Random(rounds)
    for number in range(rounds + 1):
        for name in random.sample(list(calls), len(calls)):
            call = calls[name]
            began = time.perf_counter_ns()
            for _ in range(times):
                await call()
            if number:
                measured[name].append((time.perf_counter_ns() - began) / times)
    return measured


@asynccontextmanager
async def _calls(shop: Fixture) -> AsyncIterator[dict[str, Call]]:
    """Yield the calls that a task can make, from an unused session to a connection of its own."""
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
            async with shop.sessions(bind=engine) as session:
                await session.execute(_ONE)

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
async def _task_groups(shop: Fixture) -> AsyncIterator[dict[str, Call]]:
    """Yield three ways to run 20 statements of 10 ms: a loop, one session, a session per task."""
    shops = {
        size: Fixture(
            shop.url, shop.name, shop.driver, options={"pool_size": size, "max_overflow": 0}
        )
        for size in _POOLS
    }
    for size, pooled in shops.items():
        await pooled.warm_up(size)
    largest = shops[_POOLS[-1]]

    async def loop() -> None:
        async with largest.sessions() as session:
            for _ in range(_TASKS):
                await session.execute(NAP)

    async def shared() -> None:
        async with largest.sessions() as session:
            await asyncio.gather(*(session.execute(NAP) for _ in range(_TASKS)))

    def apart(pooled: Fixture) -> Call:
        async def task() -> None:
            async with pooled.sessions() as session:
                await session.execute(NAP)

        async def tasks() -> None:
            await asyncio.gather(*(task() for _ in range(_TASKS)))

        return tasks

    try:
        yield {"a for loop": loop, "gather on one session": shared} | {
            f"a session each, pool of {size}": apart(pooled) for size, pooled in shops.items()
        }
    finally:
        for pooled in shops.values():
            await pooled.close()
