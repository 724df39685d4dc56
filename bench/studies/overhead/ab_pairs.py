"""Short turns of the harness and of a bare loop, one after the other, on open connections.

Both use the same connections of the library's own pool: two sets of them differed by 3 % among
themselves. A turn is short and its twin follows at once, so that whatever else the machine does
hits both.
"""

import asyncio
import random
import time
from array import array
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import cycle
from threading import Timer

import accessors
from accessors.api import AsyncBackend, Backend
from bench.measure.clients_async import AsyncClient
from bench.measure.clients_sync import Client
from bench.measure.runner import Job
from bench.measure.start_barrier import StartBarrier
from bench.measure.warm_tasks import beat
from bench.studies.overhead.baseline import Flag, ask_asyncpg, ask_psycopg2


@dataclass(frozen=True)
class Turn:
    """How far one side got, and what it used."""

    operations: int
    elapsed_ns: int
    client_cpu_ns: int

    @property
    def per_s(self) -> float:
        return self.operations / self.elapsed_ns * 1e9

    @property
    def cpu_ns_per_operation(self) -> float:
        return self.client_cpu_ns / self.operations


@dataclass(frozen=True)
class Pair:
    harness: Turn
    bare: Turn


def take_turns(job: Job, amount: int) -> list[Pair]:
    """So many pairs, after one that does not count; who goes first is drawn each time."""
    backend = accessors.load(job.case.backend, job.module)
    if isinstance(backend, Backend):
        pairs = _take_turns(backend, job, amount + 1)
    else:
        pairs = asyncio.run(_take_turns_async(backend, job, amount + 1))
    return pairs[1:]


class _Watch:
    def __init__(self) -> None:
        self._clock_ns, self._cpu_ns = time.perf_counter_ns(), time.process_time_ns()

    def stop(self, operations: int) -> Turn:
        elapsed_ns = time.perf_counter_ns() - self._clock_ns
        return Turn(operations, elapsed_ns, time.process_time_ns() - self._cpu_ns)


def _ids(job: Job) -> list[list[int]]:
    return [[operation.arguments[0] for operation in plan] for plan in job.plans()]


def _orders(amount: int) -> Sequence[tuple[str, str]]:
    sides = ("harness", "bare")
    return [sides if random.random() < 0.5 else (sides[1], sides[0]) for _ in range(amount)]


async def _take_turns_async(backend: AsyncBackend, job: Job, amount: int) -> list[Pair]:
    import asyncpg

    from accessors.aio.asyncpg import AsyncpgAccessor

    crowd = [AsyncClient(backend, job.case, plan) for plan in job.plans()]
    size = len(crowd)
    loop = asyncio.get_running_loop()
    async with (
        asyncpg.create_pool(job.url, min_size=size, max_size=size) as pool,
        AsyncExitStack() as sessions,
    ):
        connections = [await sessions.enter_async_context(pool.acquire()) for _ in crowd]
        steps = [
            worker.steps(AsyncpgAccessor(connection))
            for worker, connection in zip(crowd, connections, strict=True)
        ]
        ids = [cycle(plan) for plan in _ids(job)]
        course = StartBarrier(0, 0, lambda: None)

        async def harness() -> Turn:
            watch = _Watch()
            deadline_ns = time.perf_counter_ns() + round(job.seconds * 1e9)
            heart = asyncio.create_task(beat(course, array("q")))
            asking = zip(crowd, steps, strict=True)
            await asyncio.gather(*(worker.measure(own, deadline_ns) for worker, own in asking))
            turn = watch.stop(sum(len(worker.recorder) for worker in crowd))
            heart.cancel()
            await asyncio.gather(heart, return_exceptions=True)
            for worker in crowd:
                worker.recorder.clear()
            return turn

        async def bare() -> Turn:
            watch, flag = _Watch(), Flag()
            loop.call_later(job.seconds, flag.lower)
            asking = zip(connections, ids, strict=True)
            done = await asyncio.gather(*(ask_asyncpg(*each, flag) for each in asking))
            return watch.stop(sum(done))

        sides = {"harness": harness, "bare": bare}
        return [Pair(**{side: await sides[side]() for side in order}) for order in _orders(amount)]


def _take_turns(backend: Backend, job: Job, amount: int) -> list[Pair]:
    from psycopg2.pool import ThreadedConnectionPool

    from accessors.sync.psycopg2 import Psycopg2Accessor

    crowd = [Client(backend, job.case, plan) for plan in job.plans()]
    size = len(crowd)
    pool = ThreadedConnectionPool(size, size, job.url)
    with ThreadPoolExecutor(size) as threads:
        connections = [pool.getconn() for _ in crowd]
        for connection in connections:
            connection.autocommit = True
        steps = [
            worker.steps(Psycopg2Accessor(connection))
            for worker, connection in zip(crowd, connections, strict=True)
        ]
        ids = [cycle(plan) for plan in _ids(job)]

        def harness() -> Turn:
            watch = _Watch()
            deadline_ns = time.perf_counter_ns() + round(job.seconds * 1e9)
            list(threads.map(lambda worker, own: worker.measure(own, deadline_ns), crowd, steps))
            turn = watch.stop(sum(len(worker.recorder) for worker in crowd))
            for worker in crowd:
                worker.recorder.clear()
            return turn

        def bare() -> Turn:
            watch, flag = _Watch(), Flag()
            timer = Timer(job.seconds, flag.lower)
            timer.start()
            done = list(
                threads.map(lambda own, ids: ask_psycopg2(own, ids, flag), connections, ids)
            )
            turn = watch.stop(sum(done))
            timer.join()
            return turn

        sides = {"harness": harness, "bare": bare}
        pairs = [Pair(**{side: sides[side]() for side in order}) for order in _orders(amount)]
    pool.closeall()
    return pairs
