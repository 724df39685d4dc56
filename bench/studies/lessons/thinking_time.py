"""The lesson `thinking-time`: one mistake, with more and more time between two awaits."""

import asyncio
import logging
import os
import warnings
from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from accessors.sql import SCHEMA
from bench.server.database import Database
from bench.studies.lessons.db_probe import DatabaseProbe
from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.lesson import LessonSetting
from bench.studies.lessons.outcome import Outcome, flatten
from bench.studies.lessons.tables import Order

if TYPE_CHECKING:
    from rich.console import RenderableType
    from sqlalchemy.ext.asyncio import AsyncSession

TRIALS = 10

THOUGHT_MS = (0, 2, 10, 50, 100, 200, 400)
"""The thinking time of a handler, in milliseconds.

A handler waits twice. Each wait is drawn evenly between 0 and half of this time.
"""

_REFUSED_EVERY = 5
_TIMEOUT_S = 60.0
_TRIAL_TIMEOUT_S = 4.0


@dataclass(frozen=True)
class Handlers:
    """A number of handlers, and whether they share a session, a warm pool and a lock."""

    name: str
    tasks: int
    shared: bool = True
    warm: bool = True
    lock: bool = False


HANDLERS = (
    Handlers("10 tasks, warm pool", 10),
    Handlers("5 tasks", 5),
    Handlers("2 tasks", 2),
    Handlers("10 tasks, cold pool", 10, warm=False),
    Handlers("10 tasks, a lock", 10, lock=True),
    Handlers("a session each", 10, shared=False),
)


class ThinkingPlan(NamedTuple):
    """The waits of one handler, in seconds, and whether it refuses its order."""

    name: str
    before_s: float
    after_s: float
    refused: bool


@dataclass
class ThinkingPoint:
    """Counts over all trials of some handlers with one thinking time."""

    outcomes: dict[str, int] = field(default_factory=dict)
    exceptions: int = 0
    confirmed: int = 0
    """Orders whose commit succeeded."""
    lost: int = 0
    """Confirmed orders that are not in the table."""
    unasked: int = 0
    """Orders in the table that no handler confirmed: refused orders, and orders that failed."""


def measure(setting: LessonSetting) -> dict[str, Any]:
    """Return `thought_ms`, and `crowds`: a list of `ThinkingPoint` for each group of handlers."""
    pending = setting.worker_pool.submit(
        "thought", _run, setting.database.url, setting.driver, setting.trials
    )
    timeout_s = _TIMEOUT_S + setting.trials * _TRIAL_TIMEOUT_S
    results: dict[str, Any] = setting.worker_pool.result(pending, timeout_s)
    return results


def conclude(found: Mapping[str, Any]) -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    from bench.output.terminal.whole_table import WholeTable

    table = WholeTable(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("handlers", no_wrap=True)
    for thought in found["thought_ms"]:
        table.add_column(f"{thought} ms", justify="right", no_wrap=True)
    for name, points in found["crowds"].items():
        table.add_row(name, *(_loud_and_silent(point) for point in points))
    closing = "Percent of trials: raised / silently wrong. All other trials were right."
    return Group(table, Text(), Text(closing, style="dim"))


def share(point: Mapping[str, Any], outcome: Outcome) -> float:
    """Return the share of a point's trials that have this outcome, from 0 to 1."""
    trials = sum(point["outcomes"].values())
    return point["outcomes"].get(outcome.value, 0) / trials if trials else 0.0


def _loud_and_silent(point: Mapping[str, Any]) -> str:
    return f"{share(point, Outcome.RAISED) * 100:.0f}/{share(point, Outcome.SILENT) * 100:.0f}"


def _run(url: str, driver: str, trials: int) -> dict[str, Any]:
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return asyncio.run(_all(url, driver, trials))


async def _all(url: str, driver: str, trials: int) -> dict[str, Any]:
    """Measure one group of handlers after the other.

    Groups at the same time would slow down each other's commits. Only the last two groups run
    together, because the commits within each of them do not collide.
    """
    points = [await _points(handlers, url, driver, trials) for handlers in HANDLERS[:-2]]
    points += await asyncio.gather(
        *(_points(handlers, url, driver, trials) for handlers in HANDLERS[-2:])
    )
    named = zip((handlers.name for handlers in HANDLERS), points, strict=True)
    return {"thought_ms": list(THOUGHT_MS), "crowds": dict(named)}


async def _points(handlers: Handlers, url: str, driver: str, trials: int) -> list[dict[str, Any]]:
    name = f"gatherbench-lesson-{os.getpid()}-{HANDLERS.index(handlers)}"
    with Database(url).connect() as connection:
        probe = DatabaseProbe(connection, name)
        shop = Fixture(url, name, driver)
        points = [
            await _point(handlers, thought_ms, shop, probe, trials) for thought_ms in THOUGHT_MS
        ]
    return [asdict(point) for point in points]


async def _point(
    handlers: Handlers, thought_ms: int, shop: Fixture, probe: DatabaseProbe, trials: int
) -> ThinkingPoint:
    point, outcomes = ThinkingPoint(), Counter[str]()
    for trial in range(trials):
        fresh = replace(shop, options={"pool_size": handlers.tasks})
        if handlers.warm:
            await fresh.warm_up(1 if handlers.shared else handlers.tasks)
        probe.end_transactions()
        about = f"{handlers.name}, {thought_ms} ms, trial {trial}"
        outcomes[await _trial(handlers, fresh, thought_ms, about, probe, point)] += 1
        with suppress(Exception):  # some connections cannot be closed any more
            await fresh.close()
    point.outcomes = dict(outcomes)
    return point


async def _trial(
    handlers: Handlers,
    shop: Fixture,
    thought_ms: int,
    about: str,
    probe: DatabaseProbe,
    point: ThinkingPoint,
) -> str:
    """Run one trial, add its counts to the point, and return its outcome."""
    lock = asyncio.Lock() if handlers.lock else None
    half_s, random = thought_ms / 2000, Random(about)
    plans = [
        ThinkingPlan(
            f"{about}, {number}",
            random.uniform(0, half_s),
            random.uniform(0, half_s),
            _is_refused(number),
        )
        for number in range(handlers.tasks)
    ]
    if handlers.shared:
        session = shop.sessions()
        requests = [_handle(session, plan, lock) for plan in plans]
        results = await asyncio.gather(*requests, return_exceptions=True)
        with suppress(Exception):
            await session.close()
    else:

        async def alone(plan: ThinkingPlan) -> str | None:
            async with shop.sessions() as session:
                return await _handle(session, plan, None)

        results = await asyncio.gather(*map(alone, plans), return_exceptions=True)
    answers, errors = flatten(results)
    saved = {row[0] for row in probe.truth(_SAVED.format(about))}
    lost, unasked = set(answers) - saved, saved - set(answers)
    point.exceptions += len(errors)
    point.confirmed += len(answers)
    point.lost += len(lost)
    point.unasked += len(unasked)
    if errors:
        return Outcome.RAISED.value
    return Outcome.SILENT.value if lost or unasked else Outcome.RIGHT.value


_SAVED = f"SELECT name FROM {SCHEMA}.lesson_order WHERE starts_with(name, '{{}},')"


def _is_refused(number: int) -> bool:
    return number % _REFUSED_EVERY == 1


async def _handle(
    session: "AsyncSession", plan: ThinkingPlan, lock: asyncio.Lock | None
) -> str | None:
    """Handle one request: wait, add an order, wait, and commit it, or roll back a refused one."""
    await asyncio.sleep(plan.before_s)
    session.add(Order(name=plan.name))
    await asyncio.sleep(plan.after_s)
    async with lock or nullcontext():
        if plan.refused:
            await session.rollback()
            return None
        await session.commit()
    return plan.name
