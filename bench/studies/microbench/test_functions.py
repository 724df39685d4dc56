"""Benchmarks of every function of every backend, by every fetch, for one client and for many.

One round is timed: `calls_a_round` calls of each client. All clients begin at once, each in its own
session.
"""

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from accessors.api import AsyncBackend, Backend
from bench.model.case import Case
from bench.studies.microbench.client import (
    AsyncMicrobenchClient,
    MicrobenchClient,
    open_client,
    open_client_async,
)
from bench.studies.microbench.conftest import Shop
from bench.studies.microbench.threads import ClientThreads

if TYPE_CHECKING:
    from async_benchmark.fixture import AsyncBenchmark


def test_sync(sync_case: Case, benchmark: Any, shop: Shop) -> None:
    case, job, backend = sync_case, shop.job(sync_case), shop.backend(sync_case)
    assert isinstance(backend, Backend)
    clients: list[MicrobenchClient] = []
    clients_to_open = [open_client(backend, case, plan, clients) for plan in job.plans()]
    benchmark.group = group(case)
    with backend.open(job.target):
        if case.concurrency == 1:
            with clients_to_open[0] as alone:
                benchmark(alone.round)
        else:
            with ClientThreads(clients_to_open) as threads:
                benchmark(threads.round)
    shop.put_back(case)
    shop.describe(case, benchmark, sum(client.first_rows or 0 for client in clients))


def test_async(
    async_case: Case,
    async_benchmark: "AsyncBenchmark",
    async_benchmark_runner: asyncio.Runner,
    shop: Shop,
) -> None:
    case, job, backend = async_case, shop.job(async_case), shop.backend(async_case)
    assert isinstance(backend, AsyncBackend)
    clients: list[AsyncMicrobenchClient] = []
    plans = iter(job.plans())
    async_benchmark.benchmark.group = group(case)
    pool = AsyncExitStack()
    async_benchmark_runner.run(pool.enter_async_context(backend.open(job.target)))
    try:
        async_benchmark(
            AsyncMicrobenchClient.round,
            tasks=case.concurrency,
            session=lambda: open_client_async(backend, case, next(plans), clients),
        )
    finally:
        async_benchmark_runner.run(pool.aclose())
    shop.put_back(case)
    shop.describe(
        case, async_benchmark.benchmark, sum(client.first_rows or 0 for client in clients)
    )


def group(case: Case) -> str:
    return f"{case.workload} at {case.concurrency}"
