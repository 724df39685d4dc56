"""The deadlock of a pool: each client holds a connection, and needs a second one.

All connections are in use before the first client asks for its second one, so that the outcome does
not depend on chance. A pool that has none left lets clients wait for each other until its timeout.
"""

import asyncio
import copy
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from accessors.api import AsyncBackend, Backend
from bench.measure.runner import Job, loop_factory
from bench.studies.pool.entries import Deadlock
from bench.studies.pool.watched import NoConnectionError, watched

TIMEOUT_S = 0.5
"""Seconds that a client waits for a connection here. The libraries wait for 30 s, or for ever."""


def take_two(job: Job) -> Deadlock:
    """Let each client of the case take two connections, and return how many got both.

    Raises what opening the backend or a read raises.
    """
    with watched(copy.copy(job.backend())) as (backend, watch):
        if isinstance(backend, Backend):
            finished = _in_threads(backend, job)
        else:
            with asyncio.Runner(loop_factory=loop_factory(job.case.loop)) as loop:
                finished = loop.run(_in_tasks(backend, job))
    errors = [text for _, _, text in watch.timeouts]
    return Deadlock(job.case, job.case.concurrency, sum(finished), errors[0] if errors else "")


def _holders(job: Job) -> int:
    """Return how many clients can hold a first connection at the same time."""
    return min(job.case.concurrency, job.case.connections)


def _in_threads(backend: Backend, job: Job) -> list[bool]:
    held = threading.Semaphore(0)
    all_held = threading.Event()
    amount = _holders(job)
    operation = job.plans()[0][0]

    def read(session: Any) -> None:
        getattr(session, operation.function)(*operation.arguments)

    def client() -> bool:
        try:
            with backend.accessor() as first:
                read(first)
                held.release()
                all_held.wait()
                with backend.accessor() as second:
                    read(second)
        except NoConnectionError:
            return False
        return True

    with backend.open(job.target), ThreadPoolExecutor(job.case.concurrency) as threads:
        clients = [threads.submit(client) for _ in range(job.case.concurrency)]
        try:
            # A client that failed holds none: its error is raised below.
            all(held.acquire(timeout=TIMEOUT_S) for _ in range(amount))
        finally:
            all_held.set()
        return [one.result() for one in clients]


async def _in_tasks(backend: AsyncBackend, job: Job) -> list[bool]:
    held = asyncio.Semaphore(0)
    all_held = asyncio.Event()
    amount = _holders(job)
    operation = job.plans()[0][0]

    async def read(session: Any) -> None:
        await getattr(session, operation.function)(*operation.arguments)

    async def client() -> bool:
        try:
            async with backend.accessor() as first:
                await read(first)
                held.release()
                await all_held.wait()
                async with backend.accessor() as second:
                    await read(second)
        except NoConnectionError:
            return False
        return True

    async with backend.open(job.target):
        clients = [asyncio.create_task(client()) for _ in range(job.case.concurrency)]
        try:
            async with asyncio.timeout(TIMEOUT_S):
                for _ in range(amount):
                    await held.acquire()
        except TimeoutError:  # a client has failed: its error is raised below
            pass
        finally:
            all_held.set()
        # All end before the pool is closed, also if one has failed.
        await asyncio.wait(clients)
        return [one.result() for one in clients]
