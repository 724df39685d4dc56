"""The deadlock of a pool: each client holds a connection, and needs a second one.

All connections are in use before the first client asks for its second one, so that the outcome does
not depend on chance. A pool that has none left lets clients wait for each other until its timeout.
"""

import asyncio
import copy
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from accessors.api import AsyncBackend, Backend
from bench.measure.runner import Job, loop_factory
from bench.studies.pool.entries import Deadlock
from bench.studies.pool.watched import NoConnectionError, watched

TIMEOUT_S = 0.5
"""Seconds that a client waits for a connection here. The libraries wait for 30 s, or for ever."""

ATTEMPTS = 3
"""The most attempts where a connection is free for the second ones. On a machine that stalls for
the timeout, clients that wait for their turn at it look as if they waited for each other."""


def take_two(job: Job) -> Deadlock:
    """Let each client of the case take two connections, and return how many got both.

    Raises what opening the backend or a read raises.
    """
    one_is_free = job.case.connections > job.case.concurrency
    for _ in range(ATTEMPTS if one_is_free else 1):
        found = _take_two(job)
        if not found.deadlocked:
            break
    return found


def _take_two(job: Job) -> Deadlock:
    with watched(copy.copy(job.backend())) as (backend, watch):
        if isinstance(backend, Backend):
            finished = _in_threads(backend, job)
        else:
            with asyncio.Runner(loop_factory=loop_factory(job.case.loop)) as loop:
                finished = loop.run(_in_tasks(backend, job))
    errors = [text for _, _, text in watch.timeouts]
    return Deadlock(job.case, job.case.concurrency, sum(finished), errors[0] if errors else "")


def _first_ones(job: Job, go_on: Callable[[], None]) -> Callable[[int], None]:
    """Return the function that a client calls when it holds its first connection, or will not.

    It calls `go_on` when so many clients have called it as can hold one at the same time. However
    slow the machine is, no client asks for its second connection before.
    """
    settled: set[int] = set()
    amount = min(job.case.concurrency, job.case.connections)

    def settle(client: int) -> None:
        settled.add(client)
        if len(settled) >= amount:
            go_on()

    return settle


def _in_threads(backend: Backend, job: Job) -> list[bool]:
    all_held = threading.Event()
    settle = _first_ones(job, all_held.set)
    operation = job.plans()[0][0]

    def read(session: Any) -> None:
        getattr(session, operation.function)(*operation.arguments)

    def take(client: int) -> bool:
        try:
            with backend.accessor() as first:
                read(first)
                settle(client)
                all_held.wait()
                with backend.accessor() as second:
                    read(second)
        except NoConnectionError:
            return False
        finally:
            settle(client)
        return True

    with backend.open(job.target), ThreadPoolExecutor(job.case.concurrency) as threads:
        clients = [threads.submit(take, client) for client in range(job.case.concurrency)]
        return [one.result() for one in clients]


async def _in_tasks(backend: AsyncBackend, job: Job) -> list[bool]:
    all_held = asyncio.Event()
    settle = _first_ones(job, all_held.set)
    operation = job.plans()[0][0]

    async def read(session: Any) -> None:
        await getattr(session, operation.function)(*operation.arguments)

    async def take(client: int) -> bool:
        try:
            async with backend.accessor() as first:
                await read(first)
                settle(client)
                await all_held.wait()
                async with backend.accessor() as second:
                    await read(second)
        except NoConnectionError:
            return False
        finally:
            settle(client)
        return True

    async with backend.open(job.target):
        clients = [asyncio.create_task(take(client)) for client in range(job.case.concurrency)]
        # All end before the pool is closed, also if one has failed.
        await asyncio.wait(clients)
        return [one.result() for one in clients]
