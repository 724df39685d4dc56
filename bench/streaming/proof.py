"""What a way of fetching does when something goes wrong, or is enough: proof without a clock."""

import asyncio
from collections.abc import Callable
from contextlib import contextmanager
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

import accessors
from accessors.api import Accessor, AsyncAccessor, AsyncBackend, Backend, Target
from bench.case import Case
from bench.load.consumer import DictConsumer
from bench.load.runner import Job, loop_factory
from bench.load.ways import call_of, verb_of
from bench.results.entries import Proof
from bench.streaming.failing import failing_read

if TYPE_CHECKING:
    from collections.abc import Iterator


ENOUGH = 10
"""Rows after which the reader of the early stop leaves."""

HELD_ROWS = 10_000
"""Rows that become dicts while it is seen how long the session is kept."""

_FUNCTION = "get_customers"
_NAME = "gatherbench proof"


def failing_row(customers: int) -> int:
    """Where to fail: late, and one row before a multiple of 10, 50, 100, 1,000 and 2,000 ends.

    So the rows that a failing batch takes with it are all of that batch but one.
    """
    return 20_000 if customers >= 25_000 else max(1, customers // 2_000 * 2_000 or customers // 2)


def prove(job: Job) -> Proof:
    """Fail late, leave early, hold a session: once each, on a pool of one connection."""
    backend = accessors.load(job.case.backend, job.module)
    target = Target(f"{job.url}&application_name={_NAME}".replace(" ", "%20"))
    with _observer(job.url) as state:
        if isinstance(backend, Backend):
            return _prove(backend, target, job, state)
        with asyncio.Runner(loop_factory=loop_factory(job.case.loop)) as loop:
            return loop.run(_prove_async(backend, target, job, state))


@contextmanager
def _observer(url: str) -> "Iterator[Callable[[], str]]":
    """Tells what the server says that the connection under proof is doing."""
    import psycopg

    query = "SELECT state FROM pg_stat_activity WHERE application_name = %s"
    with psycopg.connect(url, autocommit=True) as connection:
        yield lambda: " and ".join(state for (state,) in connection.execute(query, [_NAME]))


def _prove(backend: Backend, target: Target, job: Job, state: Callable[[], str]) -> Proof:
    case, failing = job.case, failing_row(job.dataset.customers)
    with backend.open(target):
        with backend.accessor() as accessor:
            delivered = _deliver(accessor, case, failing_read(accessor, backend.layer), failing)
        with backend.accessor() as accessor:
            started = perf_counter_ns()
            left, stopped = _leave_early(accessor, case)
            state_after = state()
            accessor.get_total_cost_of_an_order(1)
        taken = perf_counter_ns()
        consume = DictConsumer(backend.shapes[_FUNCTION]())
        with backend.accessor() as accessor:
            rows = _take(accessor, case, consume)
        held = perf_counter_ns()
        consume(rows)
    return Proof(
        case, failing, delivered, stopped - started, stopped - left, state_after,
        held - taken, perf_counter_ns() - taken,
    )  # fmt: skip


def _deliver(accessor: Accessor, case: Case, read: Any, failing: int) -> int | None:
    if read is None:
        return None
    delivered = 0
    try:
        if case.fetch.mode == "buffered":
            delivered = len(verb_of(accessor, case.fetch)(read, failing))
        else:
            with verb_of(accessor, case.fetch)(read, failing) as rows:
                for row in rows:
                    delivered += len(row) if case.fetch.mode == "batched" else 1
    except Exception:
        return delivered
    raise RuntimeError(f"the read that fails at row {failing} did not")


def _leave_early(accessor: Accessor, case: Case) -> tuple[int, int]:
    """When the reader had enough, and when it had left."""
    call = call_of(accessor, _FUNCTION, case.fetch)
    if case.fetch.mode == "buffered":
        call()
        return (now := perf_counter_ns()), now
    seen = 0
    with call() as rows:
        for row in rows:
            seen += len(row) if case.fetch.mode == "batched" else 1
            if seen >= ENOUGH:
                break
        left = perf_counter_ns()
    return left, perf_counter_ns()


def _take(accessor: Accessor, case: Case, consume: DictConsumer) -> Any:
    """The rows that are still to be made dicts of when the session is given back."""
    call = call_of(accessor, _FUNCTION, case.fetch)
    if case.fetch.mode == "buffered":
        return call(HELD_ROWS)
    with call(HELD_ROWS) as rows:
        for row in rows:
            consume(row if case.fetch.mode == "batched" else (row,))
    return ()


async def _prove_async(
    backend: AsyncBackend, target: Target, job: Job, state: Callable[[], str]
) -> Proof:
    case, failing = job.case, failing_row(job.dataset.customers)
    async with backend.open(target):
        async with backend.accessor() as accessor:
            read = failing_read(accessor, backend.layer)
            delivered = await _deliver_async(accessor, case, read, failing)
        async with backend.accessor() as accessor:
            started = perf_counter_ns()
            left, stopped = await _leave_early_async(accessor, case)
            state_after = state()
            await accessor.get_total_cost_of_an_order(1)
        taken = perf_counter_ns()
        consume = DictConsumer(backend.shapes[_FUNCTION]())
        async with backend.accessor() as accessor:
            rows = await _take_async(accessor, case, consume)
        held = perf_counter_ns()
        consume(rows)
    return Proof(
        case, failing, delivered, stopped - started, stopped - left, state_after,
        held - taken, perf_counter_ns() - taken,
    )  # fmt: skip


async def _deliver_async(
    accessor: AsyncAccessor, case: Case, read: Any, failing: int
) -> int | None:
    if read is None:
        return None
    delivered = 0
    try:
        if case.fetch.mode == "buffered":
            delivered = len(await verb_of(accessor, case.fetch)(read, failing))
        else:
            async with verb_of(accessor, case.fetch)(read, failing) as rows:
                async for row in rows:
                    delivered += len(row) if case.fetch.mode == "batched" else 1
    except Exception:
        return delivered
    raise RuntimeError(f"the read that fails at row {failing} did not")


async def _leave_early_async(accessor: AsyncAccessor, case: Case) -> tuple[int, int]:
    call = call_of(accessor, _FUNCTION, case.fetch)
    if case.fetch.mode == "buffered":
        await call()
        return (now := perf_counter_ns()), now
    seen = 0
    async with call() as rows:
        async for row in rows:
            seen += len(row) if case.fetch.mode == "batched" else 1
            if seen >= ENOUGH:
                break
        left = perf_counter_ns()
    return left, perf_counter_ns()


async def _take_async(accessor: AsyncAccessor, case: Case, consume: DictConsumer) -> Any:
    call = call_of(accessor, _FUNCTION, case.fetch)
    if case.fetch.mode == "buffered":
        return await call(HELD_ROWS)
    async with call(HELD_ROWS) as rows:
        async for row in rows:
            consume(row if case.fetch.mode == "batched" else (row,))
    return ()
