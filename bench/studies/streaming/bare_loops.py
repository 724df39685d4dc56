"""The overhead of the harness on a stream: its loop and the shortest loop, on one connection.

The two take turns. The first of each pair is random, as in `overhead.ab_pairs`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import closing
from time import perf_counter_ns
from typing import Any

import accessors
from accessors import sql
from accessors.api import AsyncBackend, Backend
from bench.measure import clients_async, clients_sync
from bench.measure.runner import Job
from bench.studies.streaming.entries import BareLoop

PAIRS = 200


def hold_against_bare(job: Job) -> BareLoop:
    """Return the times of `PAIRS` pairs, after one pair that does not count."""
    backend = accessors.load(job.case.backend, job.module)
    if isinstance(backend, Backend):
        rows, pairs = _pairs(backend, job)
    else:
        rows, pairs = asyncio.run(_pairs_async(backend, job))
    harness_ns, bare_ns = zip(*pairs[1:], strict=True)
    return BareLoop(job.case, rows, harness_ns, bare_ns)


def _pairs(backend: Backend, job: Job) -> tuple[int, list[tuple[int, int]]]:
    import psycopg2

    from accessors.sync.psycopg2 import Psycopg2Accessor

    ((operation,),), size = job.plans(), job.case.fetch.batch_size or 1
    with closing(psycopg2.connect(job.url, **job.target.connect)) as connection:
        accessor = Psycopg2Accessor(connection)
        harness = clients_sync.perform(accessor, backend, job.case, operation.function)

        def by_row() -> int:
            count = 0
            with connection, connection.cursor(name="bare") as cursor:
                cursor.itersize = size
                cursor.execute(sql.PERCENT.first_customers, operation.arguments)
                for _ in cursor:
                    count += 1
            return count

        def by_batch() -> int:
            count = 0
            with connection, connection.cursor(name="bare") as cursor:
                cursor.execute(sql.PERCENT.first_customers, operation.arguments)
                while batch := cursor.fetchmany(size):
                    count += len(batch)
            return count

        def timed(call: Callable[[], Any]) -> int:
            start = perf_counter_ns()
            call()
            return perf_counter_ns() - start

        bare = by_batch if job.case.fetch.mode == "batched" else by_row
        pairs = []
        for _ in range(PAIRS + 1):
            harness_first = random.random() < 0.5
            first = timed(lambda: harness(*operation.arguments)) if harness_first else 0
            bare_ns = timed(bare)
            pairs.append((first or timed(lambda: harness(*operation.arguments)), bare_ns))
        return bare(), pairs


async def _pairs_async(backend: AsyncBackend, job: Job) -> tuple[int, list[tuple[int, int]]]:
    import asyncpg

    from accessors.aio.asyncpg import AsyncpgAccessor

    ((operation,),), size = job.plans(), job.case.fetch.batch_size or 1
    read, arguments = sql.NUMBERED.first_customers, operation.arguments
    async with (
        asyncpg.create_pool(job.url, min_size=1, max_size=1, **job.target.connect) as pool,
        pool.acquire() as connection,
    ):
        accessor = AsyncpgAccessor(connection)
        harness = clients_async.perform(accessor, backend, job.case, operation.function)

        async def by_row() -> int:
            count = 0
            async with connection.transaction():
                async for _ in connection.cursor(read, *arguments, prefetch=size):
                    count += 1
            return count

        async def by_batch() -> int:
            count = 0
            async with connection.transaction():
                cursor = await connection.cursor(read, *arguments)
                while batch := await cursor.fetch(size):
                    count += len(batch)
            return count

        async def timed(call: Callable[[], Awaitable[Any]]) -> int:
            start = perf_counter_ns()
            await call()
            return perf_counter_ns() - start

        bare = by_batch if job.case.fetch.mode == "batched" else by_row
        pairs = []
        for _ in range(PAIRS + 1):
            harness_first = random.random() < 0.5
            first = await timed(lambda: harness(*arguments)) if harness_first else 0
            bare_ns = await timed(bare)
            pairs.append((first or await timed(lambda: harness(*arguments)), bare_ns))
        return await bare(), pairs
