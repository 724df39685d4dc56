"""Every function of every backend, in every way of fetching, alone and in a crowd.

What is timed is one round: `calls_a_round` calls by each member of the crowd, who all begin at
once, each in its own session.
"""

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from accessors.api import AsyncBackend, Backend
from bench.model.case import Case
from bench.studies.microbench.client import (
    AsyncMicrobenchClient,
    MicrobenchClient,
    taken,
    taken_async,
)
from bench.studies.microbench.conftest import Shop
from bench.studies.microbench.threads import ThreadCrowd

if TYPE_CHECKING:
    from async_benchmark.fixture import AsyncBenchmark


def test_sync(sync_case: Case, benchmark: Any, shop: Shop) -> None:
    case, job, backend = sync_case, shop.job(sync_case), shop.backend(sync_case)
    assert isinstance(backend, Backend)
    crowd: list[MicrobenchClient] = []
    seats = [taken(backend, case, plan, crowd) for plan in job.plans()]
    benchmark.group = group(case)
    with backend.open(job.target):
        if case.concurrency == 1:
            with seats[0] as alone:
                benchmark(alone.round)
        else:
            with ThreadCrowd(seats) as threads:
                benchmark(threads.round)
    shop.put_back(case)
    shop.describe(case, benchmark, sum(seat.first_rows or 0 for seat in crowd))


def test_async(
    async_case: Case,
    async_benchmark: "AsyncBenchmark",
    async_benchmark_runner: asyncio.Runner,
    shop: Shop,
) -> None:
    case, job, backend = async_case, shop.job(async_case), shop.backend(async_case)
    assert isinstance(backend, AsyncBackend)
    crowd: list[AsyncMicrobenchClient] = []
    plans = iter(job.plans())
    async_benchmark.benchmark.group = group(case)
    pool = AsyncExitStack()
    async_benchmark_runner.run(pool.enter_async_context(backend.open(job.target)))
    try:
        async_benchmark(
            AsyncMicrobenchClient.round,
            tasks=case.concurrency,
            session=lambda: taken_async(backend, case, next(plans), crowd),
        )
    finally:
        async_benchmark_runner.run(pool.aclose())
    shop.put_back(case)
    shop.describe(case, async_benchmark.benchmark, sum(seat.first_rows or 0 for seat in crowd))


def group(case: Case) -> str:
    return f"{case.workload} at {case.concurrency}"
