"""One run of one case, in the backend's own process: the gather runner and the thread runner."""

import asyncio
import gc
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import BrokenBarrierError
from time import perf_counter_ns
from typing import Any

import accessors
from accessors.api import AnyBackend, AsyncBackend, Backend, Target
from bench.measure.clients_async import AsyncClients
from bench.measure.clients_sync import Clients
from bench.measure.meter import Meter
from bench.measure.start_barrier import AsyncStartBarrier, StartBarrier, ThreadStartBarrier
from bench.model.case import Case, Loop
from bench.model.dataset import Dataset
from bench.model.profiles import HEARTBEAT_S
from bench.model.workload import ClientSlot, Operation, operations
from bench.results.entries import Run
from bench.results.samples import SampleRecorder, Samples
from bench.server.url import redact

_LONG_AGO = datetime(1970, 1, 1)
_FEW = {"get_customers": (1,), "get_orders_between_dates": (_LONG_AGO, _LONG_AGO)}
"""Arguments for next to no rows, by the same code."""

ATTEMPTS = 3
"""At a window in which an operation begins."""


@dataclass(frozen=True)
class Job:
    """What a backend's process is told to run; small, and picklable."""

    case: Case
    module: str
    """Where the backend is found."""
    url: str = field(repr=False)
    """For the driver of its backend (bench/server/drivers.py)."""
    dataset: Dataset
    round: int = 0
    seconds: float = 1.0
    warm_up_s: float = 0.1
    postmaster_pid: int | None = None
    """Of a local server, to see its CPU time."""
    arguments: tuple[Any, ...] | None = None
    """Of every operation, in place of the workload's own."""
    warm_up_arguments: tuple[Any, ...] | None = None
    """The same until the start line, where the case's own would take long."""
    heartbeat_s: float = HEARTBEAT_S
    """Seconds between two heartbeats of the event loop."""

    @property
    def target(self) -> Target:
        return Target(self.url, self.case.concurrency, self.case.transactions)

    def backend(self) -> AnyBackend:
        """Return the case's backend, not yet open."""
        return accessors.load(self.case.backend, self.module)

    def of_few_rows(self, operation: Operation) -> Operation:
        """Return an operation that runs the same code for next to no rows, if there is one."""
        return replace(operation, arguments=_FEW.get(operation.function, operation.arguments))

    def warm_up(self) -> tuple[Operation, ...]:
        """What every worker asks until the start line; nothing: what it will ask from then on."""
        if self.warm_up_arguments is None:
            return ()
        return (Operation(self.case.workload, self.warm_up_arguments),)

    def plans(self) -> list[tuple[Operation, ...]]:
        """For each worker, what it will ask."""
        if self.arguments is not None:
            return [(Operation(self.case.workload, self.arguments),)] * self.case.concurrency
        crowd, seconds = self.case.concurrency, self.warm_up_s + self.seconds
        seats = (ClientSlot(number, crowd) for number in range(crowd))
        return [operations(self.case.workload, self.dataset, seat, seconds) for seat in seats]


@dataclass
class _Outcome:
    start_line_ns: int
    crowd: Sequence[SampleRecorder]
    stalls_ns: Sequence[int] | None


def run(job: Job) -> Run:
    """Measure one case once. Raises what opening the backend raises; later failures are samples.

    Where the machine stalls for a whole window, no operation begins in it: that says nothing of the
    backend, and is tried again. Raises `RuntimeError` if it happens ATTEMPTS times in a row.
    """
    backend = job.backend()
    for _ in range(ATTEMPTS):
        with Meter(job.postmaster_pid) as meter:
            if isinstance(backend, Backend):
                outcome = _run_threads(backend, job, meter)
            else:
                with asyncio.Runner(loop_factory=loop_factory(job.case.loop)) as loop:
                    outcome = loop.run(_run_gather(backend, job, meter))
        if any(outcome.crowd):
            return _entry(job, outcome, meter)
    raise RuntimeError(
        f"no operation began within {job.seconds:g} s, {ATTEMPTS} times in a row: this machine is "
        "busy with something else, or --seconds is too short"
    )


def _entry(job: Job, outcome: _Outcome, meter: Meter) -> Run:
    operations_of = [len(tally) for tally in outcome.crowd]
    samples = Samples.gather(outcome.crowd, outcome.start_line_ns)
    samples.errors = {at: redact(error, job.url) for at, error in samples.errors.items()}
    stalls = sorted(outcome.stalls_ns or [0])
    is_async = outcome.stalls_ns is not None
    return Run(
        case=job.case,
        round=job.round,
        started_at=meter.started_at.isoformat(timespec="milliseconds"),
        window_ns=round(job.seconds * 1e9),
        samples=samples,
        client_cpu_ns=meter.client_cpu_ns,
        server_cpu_ns=meter.server_cpu_ns,
        elapsed_ns=meter.elapsed_ns,
        loop_stall_max_ns=stalls[-1] if is_async else None,
        loop_stall_p99_ns=stalls[int(0.99 * len(stalls))] if is_async else None,
        fewest_operations=min(operations_of),
        most_operations=max(operations_of),
        connections=meter.connections,
        other_cpu_ns=meter.other_cpu_ns,
        gc_ns=meter.gc_ns,
    )


def loop_factory(loop: Loop) -> Callable[[], asyncio.AbstractEventLoop]:
    """Raises `ImportError` where uvloop is asked for and missing."""
    if loop == "uvloop":
        import uvloop

        return uvloop.new_event_loop
    return asyncio.new_event_loop


def _starting(job: Job, meter: Meter) -> Callable[[], None]:
    """What is done at the start line, when all are warm."""

    def freeze_and_start() -> None:
        # As a program would: what is garbage by then would stay for good.
        gc.collect()
        gc.freeze()
        meter.start()

    return freeze_and_start if job.case.frozen else meter.start


def _run_threads(backend: Backend, job: Job, meter: Meter) -> _Outcome:
    plans = job.plans()
    course = ThreadStartBarrier(len(plans), job.warm_up_s, job.seconds, _starting(job, meter))
    crowd = [Clients(backend, job.case, plan, job.warm_up()) for plan in plans]

    def work(worker: Clients) -> None:
        try:
            worker.work(course)
        except BaseException:
            course.give_up()
            raise

    with backend.open(job.target), ThreadPoolExecutor(len(crowd)) as threads:
        working = [threads.submit(work, worker) for worker in crowd]
        errors = [error for future in working if (error := future.exception())]
        if not errors:
            meter.stop()
    for error in sorted(errors, key=lambda error: isinstance(error, BrokenBarrierError)):
        raise error  # the first that is a reason, not a consequence
    return _Outcome(course.start_line_ns, [worker.tally for worker in crowd], None)


async def _run_gather(backend: AsyncBackend, job: Job, meter: Meter) -> _Outcome:
    plans = job.plans()
    course = AsyncStartBarrier(len(plans), job.warm_up_s, job.seconds, _starting(job, meter))
    crowd = [AsyncClients(backend, job.case, plan, job.warm_up()) for plan in plans]
    stalls_ns: array[int] = array("q")
    async with backend.open(job.target):
        heart = asyncio.create_task(beat(course, stalls_ns, job.heartbeat_s))
        tasks = [asyncio.create_task(worker.work(course)) for worker in crowd]
        try:
            await asyncio.gather(*tasks)
            meter.stop()
        finally:
            # A worker that could not start leaves the others waiting for it.
            for task in (heart, *tasks):
                task.cancel()
            await asyncio.gather(heart, *tasks, return_exceptions=True)
    return _Outcome(course.start_line_ns, [worker.tally for worker in crowd], stalls_ns)


async def beat(course: StartBarrier, stalls_ns: "array[int]", every_s: float = HEARTBEAT_S) -> None:
    """Note how late the event loop comes back to a sleeper, from the start line on."""
    while True:
        expected_ns = perf_counter_ns() + round(every_s * 1e9)
        try:
            await asyncio.sleep(every_s)
        finally:  # cancelled, it may be late too: the last operation may have held the loop
            if course.start_line_ns:
                stalls_ns.append(max(0, perf_counter_ns() - max(expected_ns, course.start_line_ns)))
