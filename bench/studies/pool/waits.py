"""The waits for a connection: one window of a case, with its pool watched.

The rounds of the run have the throughput, of the same clients without the watch.
"""

import asyncio
import copy
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import ceil
from time import sleep
from typing import Any

from accessors.api import AsyncBackend, Backend
from bench.measure.clients_async import AFTER_FAILURE_S, AsyncClient
from bench.measure.clients_sync import Client
from bench.measure.meter import accepted, server_processes
from bench.measure.runner import Job, loop_factory
from bench.measure.steps import Steps
from bench.measure.turn import ATTEMPTS, LONGER
from bench.studies.pool.console import totals
from bench.studies.pool.entries import PoolWaits
from bench.studies.pool.watched import NoConnectionError, PoolWatch, watched
from bench.studies.pool.window import WINDOW_S, Window

ENOUGH_FOR_P99 = 100


def watch_pool(job: Job) -> PoolWaits:
    """Let the case's clients work for a window, and return their waits for a connection.

    If no client asks for a connection in it, because the machine stalls or operations are longer, a
    longer window follows: at most `ATTEMPTS`. Raises what opening the backend raises, and what an
    operation raises, except a pool that has no free connection: that is counted.
    """
    for attempt in range(ATTEMPTS):
        waits = _watched_for(job, WINDOW_S * LONGER**attempt)
        if waits.checkouts or waits.timeouts:
            break
    return waits


def _watched_for(job: Job, window_s: float) -> PoolWaits:
    before = totals(job.url) if job.behind_pooler else None
    with watched(copy.copy(job.backend())) as (backend, watch):
        if isinstance(backend, Backend):
            outcome = _in_threads(backend, job, window_s)
        else:
            with asyncio.Runner(loop_factory=loop_factory(job.case.loop)) as loop:
                outcome = loop.run(_in_tasks(backend, job, window_s))
    waits = entry(job, watch, outcome)
    after = totals(job.url) if before is not None else None
    if before is None or after is None:
        return waits
    wait_ns, connections = after.wait_ns(before), after.connections
    return replace(waits, pooler_wait_ns=wait_ns, pooler_connections=connections)


@dataclass(frozen=True)
class Outcome:
    """The work of the clients while their pool was watched."""

    window: Window
    finished: list[int]
    """Operations that each client finished in the window."""
    served: int | None
    """New processes of the server; None if they are not seen."""


def _in_threads(backend: Backend, job: Job, window_s: float) -> Outcome:
    clients = [Client(backend, job.case, plan) for plan in job.plans()]
    window = Window(len(clients), window_s)
    with backend.open(job.target), ThreadPoolExecutor(len(clients)) as threads:
        before = server_processes(job.postmaster_pid)
        pauses = (sleep, job.think_s)
        working = [threads.submit(_work, c.steps(None), window, *pauses) for c in clients]
        finished = [client.result() for client in working]
        return Outcome(window, finished, accepted(job.postmaster_pid, before))


def _work(steps: Steps, window: Window, pause: Callable[[float], Any], think_s: float) -> int:
    """Perform steps until the window ends, and pause for `think_s` after each; return the number
    that were finished in it.
    """
    finished = 0
    window.join()
    try:
        for (call, _), arguments in steps:
            if window.is_over():
                break
            try:
                call(*arguments)
            except NoConnectionError:
                pause(AFTER_FAILURE_S)
            else:
                finished += window.is_open()
                if think_s:
                    pause(think_s)
    except BaseException:
        window.close()
        raise
    return finished


async def _in_tasks(backend: AsyncBackend, job: Job, window_s: float) -> Outcome:
    clients = [AsyncClient(backend, job.case, plan) for plan in job.plans()]
    window = Window(len(clients), window_s)
    async with backend.open(job.target):
        before = server_processes(job.postmaster_pid)
        pauses = (asyncio.sleep, job.think_s)
        working = (_work_async(client.steps(None), window, *pauses) for client in clients)
        finished: list[int] = []
        # All end before the pool is closed, also if one has failed.
        for answer in await asyncio.gather(*working, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer
            finished.append(answer)
        return Outcome(window, finished, accepted(job.postmaster_pid, before))


async def _work_async(
    steps: Steps, window: Window, pause: Callable[[float], Any], think_s: float
) -> int:
    """Do as `_work`, in a task."""
    finished = 0
    window.join()
    try:
        for (call, _), arguments in steps:
            if window.is_over():
                break
            try:
                await call(*arguments)
            except NoConnectionError:
                await pause(AFTER_FAILURE_S)
            else:
                finished += window.is_open()
                if think_s:
                    await pause(think_s)
    except BaseException:
        window.close()
        raise
    return finished


def entry(job: Job, watch: PoolWatch, outcome: Outcome) -> PoolWaits:
    """Return the waits that the watch has seen in the outcome's window."""
    window = outcome.window
    waits = sorted(end_ns - start_ns for start_ns, end_ns in watch.waits if window.has(end_ns))
    timeouts = [text for _, end_ns, text in watch.timeouts if window.has(end_ns)]
    opened = [when_ns for when_ns in watch.opened_ns if window.has(when_ns)]
    by_sqlalchemy = bool(watch.opened_ns)
    all_waits = [*watch.waits, *((start_ns, end_ns) for start_ns, end_ns, _ in watch.timeouts)]
    return PoolWaits(
        case=job.case,
        window_ns=window.end_ns - window.start_ns,
        checkouts=len(waits),
        wait_p50_ns=_quantile(waits, 0.5) if waits else None,
        wait_p99_ns=_quantile(waits, 0.99) if len(waits) >= ENOUGH_FOR_P99 else None,
        timeouts=len(timeouts),
        timeout_error=Counter(timeouts).most_common(1)[0][0] if timeouts else "",
        opened=len(opened) if by_sqlalchemy else outcome.served,
        waited_ns=sum(window.part(start_ns, end_ns) for start_ns, end_ns in all_waits),
        fewest_operations=min(outcome.finished),
        most_operations=max(outcome.finished),
    )


def _quantile(ordered: Sequence[int], share: float) -> int:
    """Return the smallest value that at least this share of the values do not exceed."""
    return ordered[ceil(share * len(ordered)) - 1]
