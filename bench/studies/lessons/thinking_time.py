"""The lesson `thinking-time`: the same mistake, with more and more thought between two awaits."""

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
"""A handler thinks twice, each time for up to half of it, evenly drawn."""

_REFUSED_EVERY = 5
_TIMEOUT_S = 60.0
_TRIAL_TIMEOUT_S = 4.0


@dataclass(frozen=True)
class Handlers:
    """So many handlers, and what they share."""

    name: str
    tasks: int
    shared: bool = True
    warm: bool = True
    lock: bool = False


CROWDS = (
    Handlers("10 tasks, warm pool", 10),
    Handlers("5 tasks", 5),
    Handlers("2 tasks", 2),
    Handlers("10 tasks, cold pool", 10, warm=False),
    Handlers("10 tasks, a lock", 10, lock=True),
    Handlers("a session each", 10, shared=False),
)


class ThinkingPlan(NamedTuple):
    """What a handler is going to do."""

    name: str
    before_s: float
    after_s: float
    refused: bool


@dataclass
class ThinkingPoint:
    """What came of all trials of a crowd at one length of thought."""

    outcomes: dict[str, int] = field(default_factory=dict)
    exceptions: int = 0
    confirmed: int = 0
    """Orders of which somebody was told that they are saved."""
    lost: int = 0
    """Those of them that are not there."""
    unasked: int = 0
    """Orders that are there although nobody was told so: refused, or failed."""


def measure(setting: LessonSetting) -> dict[str, Any]:
    """For each crowd and each length of thought, a `Point`."""
    pending = setting.crew.submit(
        "thought", _run, setting.database.url, setting.driver, setting.trials
    )
    timeout_s = _TIMEOUT_S + setting.trials * _TRIAL_TIMEOUT_S
    found: dict[str, Any] = setting.crew.result(pending, timeout_s)
    return found


def conclude(found: Mapping[str, Any]) -> "RenderableType":
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column("crowd", no_wrap=True)
    for thought in found["thought_ms"]:
        made.add_column(f"{thought} ms", justify="right", no_wrap=True)
    for name, points in found["crowds"].items():
        made.add_row(name, *(_loud_and_silent(point) for point in points))
    closing = "Of the trials: raised / silently wrong, in percent. The rest came out right."
    return Group(made, Text(), Text(closing, style="dim"))


def share(point: Mapping[str, Any], outcome: Outcome) -> float:
    """Of a point's trials, how many ended so, from 0 to 1."""
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
    """One crowd after the other, as side by side they would slow down each other's commits.

    But for the last two, whose commits can't meet.
    """
    points = [await _crowd(crowd, url, driver, trials) for crowd in CROWDS[:-2]]
    points += await asyncio.gather(*(_crowd(crowd, url, driver, trials) for crowd in CROWDS[-2:]))
    named = zip((crowd.name for crowd in CROWDS), points, strict=True)
    return {"thought_ms": list(THOUGHT_MS), "crowds": dict(named)}


async def _crowd(crowd: Handlers, url: str, driver: str, trials: int) -> list[dict[str, Any]]:
    name = f"gatherbench-lesson-{os.getpid()}-{CROWDS.index(crowd)}"
    with Database(url).connect() as connection:
        judge = DatabaseProbe(connection, name)
        shop = Fixture(url, name, driver)
        points = [await _point(crowd, each, shop, judge, trials) for each in THOUGHT_MS]
    return [asdict(point) for point in points]


async def _point(
    crowd: Handlers, thought_ms: int, shop: Fixture, judge: DatabaseProbe, trials: int
) -> ThinkingPoint:
    point, outcomes = ThinkingPoint(), Counter[str]()
    for trial in range(trials):
        fresh = replace(shop, options={"pool_size": crowd.tasks})
        if crowd.warm:
            await fresh.warm_up(1 if crowd.shared else crowd.tasks)
        judge.end_transactions()
        about = f"{crowd.name}, {thought_ms} ms, trial {trial}"
        outcomes[await _trial(crowd, fresh, thought_ms, about, judge, point)] += 1
        with suppress(Exception):  # of connections that are in no state to be closed
            await fresh.close()
    point.outcomes = dict(outcomes)
    return point


async def _trial(
    crowd: Handlers,
    shop: Fixture,
    thought_ms: int,
    about: str,
    judge: DatabaseProbe,
    point: ThinkingPoint,
) -> str:
    """The outcome, which is also counted into the point."""
    lock = asyncio.Lock() if crowd.lock else None
    half_s, random = thought_ms / 2000, Random(about)
    plans = [
        ThinkingPlan(
            f"{about}, {number}",
            random.uniform(0, half_s),
            random.uniform(0, half_s),
            _is_refused(number),
        )
        for number in range(crowd.tasks)
    ]
    if crowd.shared:
        session = shop.sessions()
        handled = [_handle(session, plan, lock) for plan in plans]
        told = await asyncio.gather(*handled, return_exceptions=True)
        with suppress(Exception):
            await session.close()
    else:

        async def alone(plan: ThinkingPlan) -> str | None:
            async with shop.sessions() as own:
                return await _handle(own, plan, None)

        told = await asyncio.gather(*map(alone, plans), return_exceptions=True)
    answers, errors = flatten(told)
    there = {row[0] for row in judge.truth(_THERE.format(about))}
    lost, unasked = set(answers) - there, there - set(answers)
    point.exceptions += len(errors)
    point.confirmed += len(answers)
    point.lost += len(lost)
    point.unasked += len(unasked)
    if errors:
        return Outcome.RAISED.value
    return Outcome.SILENT.value if lost or unasked else Outcome.RIGHT.value


_THERE = f"SELECT name FROM {SCHEMA}.lesson_order WHERE starts_with(name, '{{}},')"


def _is_refused(number: int) -> bool:
    return number % _REFUSED_EVERY == 1


async def _handle(
    session: "AsyncSession", plan: ThinkingPlan, lock: asyncio.Lock | None
) -> str | None:
    """A request: think, add, think, and commit, or roll back what was refused."""
    await asyncio.sleep(plan.before_s)
    session.add(Order(name=plan.name))
    await asyncio.sleep(plan.after_s)
    async with lock or nullcontext():
        if plan.refused:
            await session.rollback()
            return None
        await session.commit()
    return plan.name
