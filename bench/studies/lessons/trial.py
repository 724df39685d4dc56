"""Runs one way of a mistake some times over, in a process of its own, and keeps the evidence."""

import asyncio
import gc
import logging
import os
import time
import warnings
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from bench.server.database import Database
from bench.studies.lessons import guarded
from bench.studies.lessons.db_probe import DatabaseProbe
from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.mistake import Mistake, Told
from bench.studies.lessons.outcome import Evidence, RaisedError, flatten, leaves

TIMEOUT_S = 3.0
"""A trial that takes longer hangs: none has more than a fifth of a second of work."""

_SETTLE_S = 0.5


@dataclass(frozen=True)
class TrialJob:
    """So many trials of one way of a mistake. Picklable, as it goes to another process."""

    mistake: str
    way: str
    trials: int
    url: str = field(repr=False)
    driver: str = "asyncpg"
    guard: bool = False


def run(job: TrialJob) -> list[Evidence]:
    """The evidence of each trial. The scratch tables have to be there."""
    from bench.studies.lessons.catalogue import mistake_named

    # What libraries log and warn of while they are being misused is what the evidence counts.
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mistake = mistake_named(job.mistake)
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        found = loop.run_until_complete(_trials(job, mistake))
        if not any(one.hung for one in found):  # else its threads may never end
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()
        gc.collect()
    return found


async def _trials(job: TrialJob, mistake: Mistake) -> list[Evidence]:
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    name = f"gatherbench-lesson-{os.getpid()}"
    options = {"pool_size": max(5, mistake.tasks), **mistake.options}
    # Who shares needs but one connection to be open; more would only take time.
    shared = job.way == "wrong" and mistake.shares
    open_before = 1 if shared else min(mistake.tasks, options["pool_size"])
    found: list[Evidence] = []
    shop = None
    with Database(job.url).connect() as connection:
        judge = DatabaseProbe(connection, name)
        for _ in range(job.trials):
            judge.clear()
            shop = shop or Fixture(job.url, name, job.driver, job.guard, options)
            if mistake.warm:
                await shop.warm_up(open_before)
            found.append(await _trial(mistake, getattr(mistake, job.way), shop, judge))
            if _spoilt(found[-1]) or not mistake.warm:
                await _close(shop)
                shop = None
        if shop is not None:
            await _close(shop)
    return found


async def _trial(
    mistake: Mistake, way: Callable[[Fixture], Awaitable[Told]], shop: Fixture, judge: DatabaseProbe
) -> Evidence:
    shop.open()
    guarded.violations(shop.guard)  # those of the last trial
    told: Told = ()
    began_ns = time.perf_counter_ns()
    timeout = asyncio.timeout(TIMEOUT_S)
    try:
        async with timeout:
            told = await way(shop)
    except Exception as error:
        told = [] if timeout.expired() else [error]
    elapsed_ns = time.perf_counter_ns() - began_ns
    await _end_stragglers()
    kinds = guarded.violations(shop.guard)
    answers, errors = flatten(told)
    truth = judge.truth(mistake.truth)
    return Evidence(
        says=mistake.says(answers, truth),
        agrees=mistake.agrees(answers, truth),
        failures=tuple(RaisedError.of(error) for one in errors for error in leaves(one)),
        at_once=mistake.at_once(answers),
        tasks=mistake.tasks,
        hung=timeout.expired(),
        violations=len(kinds),
        caught_late=guarded.is_late(kinds),
        left_in_transaction=await _left(judge),
        not_returned=shop.given_out(),
        elapsed_ns=elapsed_ns,
    )


async def _left(judge: DatabaseProbe) -> int:
    """A connection that was closed a moment ago is given a moment to be gone."""
    for _ in range(3):
        if not judge.left_in_transaction():
            return 0
        await asyncio.sleep(0.02)
    return judge.left_in_transaction()


async def _end_stragglers() -> None:
    """Tasks that outlived what began them: cancelled, as at the end of `asyncio.run`."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=_SETTLE_S)


async def _close(shop: Fixture) -> None:
    with suppress(Exception):  # of connections that are in no state to be closed
        async with asyncio.timeout(_SETTLE_S):
            await shop.close()


def _spoilt(evidence: Evidence) -> bool:
    """May the next trial suffer from this one? An exception alone leaves a pool as it was."""
    return bool(evidence.left_in_transaction or evidence.not_returned or evidence.hung)
