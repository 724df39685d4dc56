"""The shortest loops that do what the harness does: what `bench overhead` holds it against.

The same statement with the same arguments on as many connections of the library's own pool (what a
pool's connection costs is the library's price, not ours), and nothing else: no sample, no clock, no
accessor. A flag ends them, since even a look at the clock would cost.
"""

import asyncio
import gc
import threading
import time
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

from accessors import sql
from bench.runner import Job

if TYPE_CHECKING:
    import asyncpg.pool
    import psycopg2.extensions


@dataclass(frozen=True)
class Pace:
    """How fast a loop went, and what it used."""

    operations: int
    elapsed_ns: int
    client_cpu_ns: int

    @property
    def per_s(self) -> float:
        return self.operations / self.elapsed_ns * 1e9

    @property
    def cpu_ns_per_operation(self) -> float:
        return self.client_cpu_ns / self.operations


class _Stopwatch:
    def __init__(self) -> None:
        gc.collect()
        self._clock_ns, self._cpu_ns = time.perf_counter_ns(), time.process_time_ns()

    def stop(self, operations: int) -> Pace:
        elapsed_ns = time.perf_counter_ns() - self._clock_ns
        return Pace(operations, elapsed_ns, time.process_time_ns() - self._cpu_ns)


def tasks_on_asyncpg(job: Job) -> Pace:
    """Tasks, each with a pooled asyncpg connection of its own."""
    import asyncpg

    statement = sql.NUMBERED.total_cost_of_an_order
    running = True

    async def work(
        connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]", ids: list[int]
    ) -> int:
        done = 0
        for order_id in cycle(ids):
            if not running:
                break
            await connection.fetchval(statement, order_id)
            done += 1
        return done

    async def run() -> Pace:
        nonlocal running
        plans = _ids(job)
        async with asyncpg.create_pool(job.url, min_size=len(plans), max_size=len(plans)) as pool:
            connections = [await pool.acquire() for _ in plans]
            for seconds in (job.warm_up_s, job.seconds):
                running = True
                watch = _Stopwatch()
                tasks = [
                    asyncio.create_task(work(connection, ids))
                    for connection, ids in zip(connections, plans, strict=True)
                ]
                await asyncio.sleep(seconds)
                running = False
                pace = watch.stop(sum(await asyncio.gather(*tasks)))
            for connection in connections:
                await pool.release(connection)
        return pace

    return asyncio.run(run())


def threads_on_psycopg2(job: Job) -> Pace:
    """Threads, each with a pooled psycopg2 connection of its own."""
    from psycopg2.pool import ThreadedConnectionPool

    statement = sql.PERCENT.total_cost_of_an_order
    running = True
    done: list[int] = []

    def work(connection: "psycopg2.extensions.connection", ids: list[int]) -> None:
        count = 0
        for order_id in cycle(ids):
            if not running:
                break
            with connection.cursor() as cursor:
                cursor.execute(statement, (order_id,))
                cursor.fetchone()
            count += 1
        done.append(count)

    plans = _ids(job)
    pool = ThreadedConnectionPool(len(plans), len(plans), job.url)
    connections = [pool.getconn() for _ in plans]
    for connection in connections:
        connection.autocommit = True
    for seconds in (job.warm_up_s, job.seconds):
        running = True
        done.clear()
        watch = _Stopwatch()
        threads = [
            threading.Thread(target=work, args=(connection, ids))
            for connection, ids in zip(connections, plans, strict=True)
        ]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        running = False
        for thread in threads:
            thread.join()
        pace = watch.stop(sum(done))
    pool.closeall()
    return pace


LOOPS = {"asyncpg": tasks_on_asyncpg, "psycopg2": threads_on_psycopg2}


def _ids(job: Job) -> list[list[int]]:
    return [[operation.arguments[0] for operation in plan] for plan in job.plans()]
