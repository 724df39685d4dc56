"""Trials of one way of a mistake, in a process of its own. Each returns its evidence."""

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
from bench.studies.lessons.mistake import Mistake, TaskResults
from bench.studies.lessons.outcome import Evidence, RaisedError, flatten, leaves

TIMEOUT_S = 3.0
"""A trial that takes longer hangs. No trial has more than a fifth of a second of work."""

_SETTLE_S = 0.5


@dataclass(frozen=True)
class TrialJob:
    """The request for some trials of one way of a mistake. It is picklable, for another process."""

    mistake: str
    way: str
    trials: int
    url: str = field(repr=False)
    driver: str = "asyncpg"
    guard: bool = False


def run(job: TrialJob) -> list[Evidence]:
    """Run the trials and return the evidence of each. The scratch tables must exist."""
    from bench.studies.lessons.catalogue import mistake_named

    # The evidence counts the errors of a misused library, so its logs and warnings are off.
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mistake = mistake_named(job.mistake)
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        evidence = loop.run_until_complete(_trials(job, mistake))
        if not any(trial.hung for trial in evidence):  # the threads of a hung trial may not end
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()
        gc.collect()
    return evidence


async def _trials(job: TrialJob, mistake: Mistake) -> list[Evidence]:
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    name = f"gatherbench-lesson-{os.getpid()}"
    options = {"pool_size": max(5, mistake.tasks), **mistake.options}
    # A shared session needs only one open connection. More would only take time.
    shared = job.way == "wrong" and mistake.shares
    open_before = 1 if shared else min(mistake.tasks, options["pool_size"])
    evidence: list[Evidence] = []
    shop = None
    with Database(job.url).connect() as connection:
        probe = DatabaseProbe(connection, name)
        for _ in range(job.trials):
            probe.clear()
            shop = shop or Fixture(job.url, name, job.driver, job.guard, options)
            if mistake.warm:
                await shop.warm_up(open_before)
            evidence.append(await _trial(mistake, getattr(mistake, job.way), shop, probe))
            if _affects_the_next(evidence[-1]) or not mistake.warm:
                await _close(shop)
                shop = None
        if shop is not None:
            await _close(shop)
    return evidence


async def _trial(
    mistake: Mistake,
    way: Callable[[Fixture], Awaitable[TaskResults]],
    shop: Fixture,
    probe: DatabaseProbe,
) -> Evidence:
    shop.open()
    guarded.violations(shop.guard)  # clears those of the last trial
    results: TaskResults = ()
    began_ns = time.perf_counter_ns()
    timeout = asyncio.timeout(TIMEOUT_S)
    try:
        async with timeout:
            results = await way(shop)
    except Exception as error:
        results = [] if timeout.expired() else [error]
    elapsed_ns = time.perf_counter_ns() - began_ns
    await _end_stragglers()
    kinds = guarded.violations(shop.guard)
    answers, errors = flatten(results)
    truth = probe.truth(mistake.truth)
    return Evidence(
        says=mistake.says(answers, truth),
        agrees=mistake.agrees(answers, truth),
        failures=tuple(RaisedError.of(leaf) for error in errors for leaf in leaves(error)),
        at_once=mistake.at_once(answers),
        tasks=mistake.tasks,
        hung=timeout.expired(),
        violations=len(kinds),
        caught_late=guarded.is_late(kinds),
        left_in_transaction=await _left_in_transaction(probe),
        not_returned=shop.given_out(),
        elapsed_ns=elapsed_ns,
    )


async def _left_in_transaction(probe: DatabaseProbe) -> int:
    """Return the connections left in a transaction. Wait a little for those that are closing."""
    for _ in range(3):
        if not probe.left_in_transaction():
            return 0
        await asyncio.sleep(0.02)
    return probe.left_in_transaction()


async def _end_stragglers() -> None:
    """Cancel the tasks that still run, as `asyncio.run` does at its end."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=_SETTLE_S)


async def _close(shop: Fixture) -> None:
    with suppress(Exception):  # some connections cannot be closed any more
        async with asyncio.timeout(_SETTLE_S):
            await shop.close()


def _affects_the_next(evidence: Evidence) -> bool:
    """Return whether this trial may affect the next one. An exception alone does not."""
    return bool(evidence.left_in_transaction or evidence.not_returned or evidence.hung)
