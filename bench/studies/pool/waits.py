"""The waits for a connection: one window of a case, with its pool watched.

The rounds of the run have the throughput, of the same clients without the watch.
"""

import asyncio
import copy
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import ceil
from time import perf_counter_ns, sleep
from typing import Any

from accessors.api import AsyncBackend, Backend
from bench.measure.clients_async import AFTER_FAILURE_S, AsyncClient
from bench.measure.clients_sync import Client
from bench.measure.meter import server_processes
from bench.measure.runner import Job, loop_factory
from bench.studies.pool.console import totals
from bench.studies.pool.entries import PoolWaits
from bench.studies.pool.watched import NoConnectionError, PoolWatch, watched

WINDOW_S = 0.3
WARM_UP_S = 0.05

ENOUGH_FOR_P99 = 100


def watch_pool(job: Job) -> PoolWaits:
    """Let the case's clients work for a window, and return their waits for a connection.

    Raises what opening the backend raises, and what an operation raises, except a pool that has no
    free connection: that is counted.
    """
    before = totals(job.url) if job.behind_pooler else None
    with watched(copy.copy(job.backend())) as (backend, watch):
        if isinstance(backend, Backend):
            start_ns, served = _in_threads(backend, job)
        else:
            with asyncio.Runner(loop_factory=loop_factory(job.case.loop)) as loop:
                start_ns, served = loop.run(_in_tasks(backend, job))
    entry = _entry(job, watch, start_ns, served)
    after = totals(job.url) if before is not None else None
    if before is None or after is None:
        return entry
    wait_ns, connections = after.wait_ns(before), after.connections
    return replace(entry, pooler_wait_ns=wait_ns, pooler_connections=connections)


def _times() -> tuple[int, int]:
    start_ns = perf_counter_ns() + round(WARM_UP_S * 1e9)
    return start_ns, start_ns + round(WINDOW_S * 1e9)


def _in_threads(backend: Backend, job: Job) -> tuple[int, int | None]:
    clients = [Client(backend, job.case, plan) for plan in job.plans()]
    with backend.open(job.target), ThreadPoolExecutor(len(clients)) as threads:
        before = server_processes(job.postmaster_pid)
        start_ns, end_ns = _times()
        working = [threads.submit(_work, client.steps(None), end_ns, sleep) for client in clients]
        for one in working:
            one.result()
        return start_ns, _new_processes(job, before)


def _work(steps: Iterator[Any], end_ns: int, pause: Callable[[float], Any]) -> None:
    for (call, _), arguments in steps:
        if perf_counter_ns() >= end_ns:
            return
        try:
            call(*arguments)
        except NoConnectionError:
            pause(AFTER_FAILURE_S)


async def _in_tasks(backend: AsyncBackend, job: Job) -> tuple[int, int | None]:
    clients = [AsyncClient(backend, job.case, plan) for plan in job.plans()]
    async with backend.open(job.target):
        before = server_processes(job.postmaster_pid)
        start_ns, end_ns = _times()
        working = (_work_async(client.steps(None), end_ns, asyncio.sleep) for client in clients)
        # All end before the pool is closed, also if one has failed.
        for error in await asyncio.gather(*working, return_exceptions=True):
            if error is not None:
                raise error
        return start_ns, _new_processes(job, before)


async def _work_async(steps: Iterator[Any], end_ns: int, pause: Callable[[float], Any]) -> None:
    for (call, _), arguments in steps:
        if perf_counter_ns() >= end_ns:
            return
        try:
            await call(*arguments)
        except NoConnectionError:
            await pause(AFTER_FAILURE_S)


def _new_processes(job: Job, before: set[str]) -> int | None:
    """Return the number of the server's processes that are new; None if they are not seen."""
    now = server_processes(job.postmaster_pid)
    return len(now - before) if now else None


def _entry(job: Job, watch: PoolWatch, start_ns: int, served: int | None) -> PoolWaits:
    waits = sorted(wait_ns for when_ns, wait_ns in watch.waits if when_ns >= start_ns)
    timeouts = [text for when_ns, text in watch.timeouts if when_ns >= start_ns]
    opened = [when_ns for when_ns in watch.opened_ns if when_ns >= start_ns]
    by_sqlalchemy = bool(watch.opened_ns)
    return PoolWaits(
        case=job.case,
        window_ns=round(WINDOW_S * 1e9),
        checkouts=len(waits),
        wait_p50_ns=_quantile(waits, 0.5) if waits else None,
        wait_p99_ns=_quantile(waits, 0.99) if len(waits) >= ENOUGH_FOR_P99 else None,
        timeouts=len(timeouts),
        timeout_error=Counter(timeouts).most_common(1)[0][0] if timeouts else "",
        opened=len(opened) if by_sqlalchemy else served,
    )


def _quantile(ordered: Sequence[int], share: float) -> int:
    """Return the smallest value that at least this share of the values do not exceed."""
    return ordered[ceil(share * len(ordered)) - 1]
