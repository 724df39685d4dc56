"""One turn of one case: how long its clients warm up, and the end of its measurement."""

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.measure import shared_barrier
from bench.measure.arrivals import Arrivals
from bench.measure.job import Job
from bench.measure.meter import Meter
from bench.measure.start_barrier import StartBarrier, WindowLength
from bench.model.case import Case
from bench.model.window import operations_each, window_s
from bench.model.workload import WORKLOADS
from bench.results.entries import Arrived
from bench.results.recording import SampleRecorder

WARM_AGAIN_SHARE = 0.05
"""The length of the warm-up of clients that performed the case before, as a share of the window.
Their statements are prepared; only the processor's caches may hold another process's data."""

ATTEMPTS = 3
"""The most windows for one turn, if no operation begins in them, or several processes overlap too
little."""

LONGER = 4
"""The factor by which the next window is longer after one in which no operation began."""


@dataclass(frozen=True)
class Outcome:
    """The records of one turn."""

    start_ns: int
    """Clock reading at the start barrier."""
    recorders: Sequence[SampleRecorder]
    """The records of each client."""
    window_ns: int
    """Time from the start barrier to the deadline."""
    stalls_ns: Sequence[int] | None
    """Delays of the heartbeat. None for threads, and if none of them is as long as a heartbeat in a
    window of less than two: a stall would fall between them, and read as 0."""
    arrived: Arrived | None = None
    """The arrivals of a turn at a rate."""


def warm_up_s(job: Job, longest_ns: int | None) -> float:
    """Return the length of the warm-up of a turn, in seconds.

    `longest_ns`: the longest operation of the case's last turn with these clients; None if there
    was none. Where an operation takes half of the window or more, there is no second warm-up: it
    would take as long as the measurement, and its caches are lost before the window ends.
    """
    if longest_ns is None:
        return job.warm_up_s
    if longest_ns >= job.seconds * 1e9 / 2:
        return 0.0
    return min(job.warm_up_s, WARM_AGAIN_SHARE * job.seconds)


def nothing_began(seconds: float) -> str:
    """Return the reason of a turn that failed: in `ATTEMPTS` windows no operation began.

    `seconds`: the length of the first.
    """
    return (
        f"no operation began within {seconds:g} s, {ATTEMPTS} times in a row: this machine is busy"
        " with something else, or --seconds is too short"
    )


def seeks_latency(job: Job) -> bool:
    """Return whether the warm-up has to show how long an operation takes."""
    mixed = WORKLOADS[job.case.workload].mixed
    counts = operations_each(job.case.concurrency, mixed=mixed) > 0
    return job.lengthen and job.latency_s is None and counts


def window_length(job: Job) -> WindowLength:
    """Return the function that chooses the length of the turn's window.

    It takes the latency in the warm-up, where no turn before has shown it better.
    """

    def chosen(latency_s: float | None) -> float:
        if job.part and job.part.window_s is not None:
            return job.part.window_s
        if not job.lengthen:
            return job.seconds
        known = latency_s if job.latency_s is None else job.latency_s
        return case_window_s(job.case, job.seconds, known)

    return chosen


def case_window_s(case: Case, seconds: float, latency_s: float | None) -> float:
    """Return the length in seconds of a case's window of `seconds` or more; see `window_s`."""
    mixed = WORKLOADS[case.workload].mixed
    return window_s(latency_s, seconds, case.concurrency, mixed=mixed)


def at_start(job: Job, meter: Meter, arrivals: Arrivals | None = None) -> Callable[[], int | None]:
    """Return the function that the last client at the start barrier calls.

    It starts the meter, or the arrivals of a turn at a rate, which start the meter when their
    window begins. It returns the common start of several processes; None if there is one process.
    """
    start = arrivals.begin if arrivals else meter.start

    def prepare_and_start() -> int | None:
        if job.case.frozen:
            # Collect first, as a program would: garbage that is frozen would stay for good.
            gc.collect()
            gc.freeze()
        if job.part is None:
            start()
            return None
        barrier = shared_barrier.of(job.part)
        start_ns = barrier.wait()
        if arrivals:
            arrivals.begin(start_ns)
        else:
            meter.start()
            meter.count_from(start_ns)
        barrier.sleep_until(start_ns)
        return start_ns

    return prepare_and_start if job.case.frozen or job.part else start


def arrivals_of(job: Job, meter: Meter) -> Arrivals | None:
    """Return the arrivals of a turn; None for a closed loop."""
    return None if job.case.rate is None else Arrivals(job, meter.start)


def outcome(
    barrier: StartBarrier,
    recorders: Sequence[SampleRecorder],
    stalls_ns: Sequence[int] | None,
) -> Outcome:
    """Return the outcome of a turn that has ended."""
    arrivals = barrier.arrivals
    if arrivals is None:
        return Outcome(barrier.start_ns, recorders, barrier.window_ns, stalls_ns)
    return Outcome(arrivals.start_ns, recorders, barrier.window_ns, stalls_ns, arrivals.arrived)
