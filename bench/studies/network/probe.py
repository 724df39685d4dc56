"""The count of round trips: a lone client's operations, through a proxy that sees each exchange."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cache
from itertools import islice

from accessors.api import AsyncBackend, Backend
from bench.measure.clients_async import AsyncClient
from bench.measure.clients_sync import Client
from bench.measure.runner import Job
from bench.model.link import Link
from bench.model.workload import WORKLOADS, Workload
from bench.server.proxy.address import address_of, at_one_host, find_at_proxy, through
from bench.server.proxy.process import Counts, Proxy
from bench.studies.network.entries import RoundTrips

LINK = Link(latency_ns=1_000_000)
"""Slow enough that messages which a client sends without waiting arrive before the first answer
leaves: they are one round trip."""

Steps = tuple[int, int]
"""Operations before the count, and in it."""

OF_A_FUNCTION: Steps = (7, 3)
"""All operations of one function are alike, after psycopg has prepared its statement at the fifth
use: https://www.psycopg.org/psycopg3/docs/advanced/prepare.html"""

OF_A_MIX: Steps = (60, 20)
"""A mix needs more: each of its functions is to have its statements prepared."""

OF_MANY_ROWS: Steps = (1, 1)
"""Thousands of rows take the ORM a quarter of a second. Its first operation has prepared the
statement, if it is ever prepared so soon."""


def count(job: Job) -> RoundTrips:
    """Count the round trips of the case's first operations, after a warm-up.

    Raises what opening the backend or an operation raises; `BenchError` if the proxy cannot be
    between (`address.through`).
    """
    backend = job.backend()
    steps = _steps(WORKLOADS[job.case.workload])
    with _link(job, backend.driver) as (port, linked):
        if isinstance(backend, Backend):
            counts = _counted(backend, linked, port, steps)
        else:
            # The number does not depend on the loop, and uvloop looks names up by itself.
            with asyncio.Runner(loop_factory=asyncio.new_event_loop) as loop:
                counts = loop.run(_counted_async(backend, linked, port, steps))
    return RoundTrips(job.case, steps[1], counts.round_trips, counts.connections)


def _steps(workload: Workload) -> Steps:
    if workload.many_rows:
        return OF_MANY_ROWS
    return OF_A_FUNCTION if len(workload.weights) == 1 else OF_A_MIX


@contextmanager
def _link(job: Job, driver: str) -> Iterator[tuple[int, Job]]:
    one = at_one_host(job.url)
    port = _proxy().open(address_of(one), LINK)
    try:
        url = through(one, port, driver=driver)
        find_at_proxy(url, driver)
        yield port, replace(job, url=url)
    finally:
        _proxy().close(port)


@cache
def _proxy() -> Proxy:
    """Return this process's proxy. It ends with the process: its stdin is then closed."""
    return Proxy()


def _counted(backend: Backend, job: Job, port: int, steps: Steps) -> Counts:
    clients = Client(backend, job.case, job.plans()[0])
    per_operation = job.case.session_scope == "operation"
    session = nullcontext() if per_operation else backend.accessor()
    with backend.open(job.target), session as one:
        first = islice(clients.steps(one), sum(steps))
        for number, ((call, _), arguments) in enumerate(first):
            if number == steps[0]:
                _proxy().counts(port)
            call(*arguments)
        return _proxy().counts(port)


async def _counted_async(backend: AsyncBackend, job: Job, port: int, steps: Steps) -> Counts:
    clients = AsyncClient(backend, job.case, job.plans()[0])
    per_operation = job.case.session_scope == "operation"
    session = nullcontext() if per_operation else backend.accessor()
    async with backend.open(job.target), session as one:
        first = islice(clients.steps(one), sum(steps))
        for number, ((call, _), arguments) in enumerate(first):
            if number == steps[0]:
                _proxy().counts(port)
            await call(*arguments)
        return _proxy().counts(port)
