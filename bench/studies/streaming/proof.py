"""The proof of a fetch: its behaviour when the read fails late, and when the reader stops early."""

import asyncio
from collections.abc import Callable
from functools import partial
from time import perf_counter_ns
from typing import Any

from accessors.api import Accessor, AsyncAccessor, AsyncBackend, Backend, Target
from bench.measure.consumer import DictConsumer
from bench.measure.fetch_calls import call_of, verb_of
from bench.measure.proof_reads import ProofReads, ProvesItself
from bench.measure.runner import Job, loop_factory
from bench.model.case import Case
from bench.model.connect import arguments
from bench.server.database import Database
from bench.server.url import changed
from bench.studies.streaming.entries import Proof
from bench.studies.streaming.question import question

ENOUGH = 10
"""The rows after which the reader of the early stop closes the stream."""

_NAME = "gatherbench proof"
_STATE = "SELECT state FROM pg_stat_activity WHERE application_name = %s"


def prove(job: Job) -> Proof:
    """Prove one case: a late failure, an early stop, a held session. The pool has 1 connection."""
    backend = job.backend()
    connect, engine = arguments(job.case.connect)
    url = changed(job.url, application_name=_NAME)
    target = Target(url, connect=connect, engine=engine)
    with Database(job.url).connect() as observer:
        if isinstance(job, ProvesItself):
            asked = job.proof_reads(backend)
        else:
            asked = question(job, backend.layer, observer)

        def state() -> str:
            """Return the state of the proved connection, as the server reports it."""
            return " and ".join(state for (state,) in observer.execute(_STATE, [_NAME]))

        if isinstance(backend, Backend):
            return _prove(backend, target, job.case, asked, state)
        with asyncio.Runner(loop_factory=loop_factory(job.case.loop)) as loop:
            return loop.run(_prove_async(backend, target, job.case, asked, state))


def _failing_read(
    accessor: Accessor | AsyncAccessor, layer: str, function: str, asked: ProofReads
) -> Any:
    if asked.failing is not None:
        return asked.failing
    # It imports SQLAlchemy, which a run without a proof does not need.
    from bench.studies.streaming.failing import failing_read

    return failing_read(accessor, layer, function)


def _prove(
    backend: Backend,
    target: Target,
    case: Case,
    asked: ProofReads,
    state: Callable[[], str],
) -> Proof:
    with backend.open(target):
        with backend.accessor() as accessor:
            read = _failing_read(accessor, backend.layer, case.workload, asked)
            delivered = _deliver(accessor, case, read, asked)
        with backend.accessor() as accessor:
            early_ns, stop_ns = _leave_early(accessor, case, asked)
            state_after = state()
            getattr(accessor, asked.after.function)(*asked.after.arguments)
        taken = perf_counter_ns()
        consume = DictConsumer(backend.shapes[asked.some.function]())
        with backend.accessor() as accessor:
            rows = _take(accessor, case, asked, consume)
        held = perf_counter_ns()
        consume(rows)
    return Proof(
        case, asked.failing_row, delivered, early_ns, stop_ns, state_after,
        held - taken, perf_counter_ns() - taken,
    )  # fmt: skip


def _deliver(accessor: Accessor, case: Case, read: Any, asked: ProofReads) -> int | None:
    if read is None:
        return None
    fetch = partial(
        verb_of(accessor, case.fetch), read, *asked.everything.arguments, asked.failing_row
    )
    delivered = 0
    try:
        if case.fetch.mode == "buffered":
            delivered = len(fetch())
        else:
            with fetch() as rows:
                for row in rows:
                    delivered += len(row) if case.fetch.mode == "batched" else 1
    except Exception:
        return delivered
    raise RuntimeError(f"the read that fails at row {asked.failing_row} did not")


def _leave_early(
    accessor: Accessor, case: Case, asked: ProofReads
) -> tuple[int, int] | tuple[None, None]:
    """Return the time to read enough rows and close the stream, and the time to close it.

    A buffered fetch has no such times. It is read, so that the state of its connection can be seen.
    """
    call = call_of(accessor, asked.everything.function, case.fetch)
    if case.fetch.mode == "buffered":
        call_of(accessor, asked.some.function, case.fetch)(*asked.some.arguments)
        return None, None
    seen, started = 0, perf_counter_ns()
    with call(*asked.everything.arguments) as rows:
        for row in rows:
            seen += len(row) if case.fetch.mode == "batched" else 1
            if seen >= ENOUGH:
                break
        left = perf_counter_ns()
    stopped = perf_counter_ns()
    return stopped - started, stopped - left


def _take(accessor: Accessor, case: Case, asked: ProofReads, consume: DictConsumer) -> Any:
    """Return the rows that are not dicts yet when the session is returned."""
    call = partial(call_of(accessor, asked.some.function, case.fetch), *asked.some.arguments)
    if case.fetch.mode == "buffered":
        return call()
    with call() as rows:
        for row in rows:
            consume(row if case.fetch.mode == "batched" else (row,))
    return ()


async def _prove_async(
    backend: AsyncBackend,
    target: Target,
    case: Case,
    asked: ProofReads,
    state: Callable[[], str],
) -> Proof:
    async with backend.open(target):
        async with backend.accessor() as accessor:
            read = _failing_read(accessor, backend.layer, case.workload, asked)
            delivered = await _deliver_async(accessor, case, read, asked)
        async with backend.accessor() as accessor:
            early_ns, stop_ns = await _leave_early_async(accessor, case, asked)
            state_after = state()
            await getattr(accessor, asked.after.function)(*asked.after.arguments)
        taken = perf_counter_ns()
        consume = DictConsumer(backend.shapes[asked.some.function]())
        async with backend.accessor() as accessor:
            rows = await _take_async(accessor, case, asked, consume)
        held = perf_counter_ns()
        consume(rows)
    return Proof(
        case, asked.failing_row, delivered, early_ns, stop_ns, state_after,
        held - taken, perf_counter_ns() - taken,
    )  # fmt: skip


async def _deliver_async(
    accessor: AsyncAccessor, case: Case, read: Any, asked: ProofReads
) -> int | None:
    if read is None:
        return None
    fetch = partial(
        verb_of(accessor, case.fetch), read, *asked.everything.arguments, asked.failing_row
    )
    delivered = 0
    try:
        if case.fetch.mode == "buffered":
            delivered = len(await fetch())
        else:
            async with fetch() as rows:
                async for row in rows:
                    delivered += len(row) if case.fetch.mode == "batched" else 1
    except Exception:
        return delivered
    raise RuntimeError(f"the read that fails at row {asked.failing_row} did not")


async def _leave_early_async(
    accessor: AsyncAccessor, case: Case, asked: ProofReads
) -> tuple[int, int] | tuple[None, None]:
    call = call_of(accessor, asked.everything.function, case.fetch)
    if case.fetch.mode == "buffered":
        await call_of(accessor, asked.some.function, case.fetch)(*asked.some.arguments)
        return None, None
    seen, started = 0, perf_counter_ns()
    async with call(*asked.everything.arguments) as rows:
        async for row in rows:
            seen += len(row) if case.fetch.mode == "batched" else 1
            if seen >= ENOUGH:
                break
        left = perf_counter_ns()
    stopped = perf_counter_ns()
    return stopped - started, stopped - left


async def _take_async(
    accessor: AsyncAccessor, case: Case, asked: ProofReads, consume: DictConsumer
) -> Any:
    call = partial(call_of(accessor, asked.some.function, case.fetch), *asked.some.arguments)
    if case.fetch.mode == "buffered":
        return await call()
    async with call() as rows:
        async for row in rows:
            consume(row if case.fetch.mode == "batched" else (row,))
    return ()
