"""Arrivals: the schedule, the open loop in virtual time, and turns of real clients."""

import asyncio
import select
import selectors
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from random import Random
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest

from accessors import BUILTIN
from bench.measure import open_clients_async, runner
from bench.measure.arrivals import Arrivals, Due, processes_of, schedule
from bench.measure.exact_loop import exact_loop
from bench.measure.job import Job, Part
from bench.measure.open_clients_async import AsyncOpenClient
from bench.model.case import Case
from bench.model.profiles import POINT_READ
from bench.results.entries import Run
from bench.server.database import Database
from bench.studies.audit.queueing import waits_ns
from tests.bench.conftest import SMALL
from tests.bench.measure.conftest import BOTH, again_while
from tests.bench.recording import record

LONG_S = 1.0
"""A window of which a machine that stalls leaves a part."""

NULL = pytest.mark.parametrize("name", ["null", "null-async"])


def test_poisson_arrivals_are_exponential_and_seeded() -> None:
    """Defect: arrivals that differ from backend to backend make their difference unpaired."""
    times = schedule(1000, "poisson", 100.0, "seed")
    gaps = np.diff(times)
    assert times == schedule(1000, "poisson", 100.0, "seed")
    assert times != schedule(1000, "poisson", 100.0, "other")
    assert len(times) == pytest.approx(100_000, rel=0.01)
    assert gaps.mean() == pytest.approx(1e6, rel=0.01)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.02)  # as of an exponential distribution
    assert (gaps >= 0).all()


def test_uniform_arrivals_have_equal_gaps() -> None:
    """Defect: a rounded gap adds up, and the rate is another one."""
    times = schedule(3000, "uniform", 10.0, "seed")
    gaps = np.diff(times)
    assert len(times) in (30_000, 30_001)
    assert set(gaps) <= {333_333, 333_334}


def test_processes_share_one_schedule() -> None:
    """Defect: each process with a schedule of its own doubles the rate, or draws other arrivals."""
    case = Case("null", POINT_READ, concurrency=3, rate=3_000, processes=2)
    dealt = list(processes_of(case, 30_000, "seed"))
    assert dealt == list(processes_of(case, 30_000, "seed"))
    assert dealt.count(1) == pytest.approx(20_000, rel=0.02)  # two of three clients
    gaps = np.diff(np.flatnonzero(np.array(dealt) == 0))
    assert gaps.std() == pytest.approx(gaps.mean() * (2 / 3) ** 0.5, rel=0.05)  # geometric
    uniform = list(processes_of(replace(case, arrivals="uniform"), 7, "seed"))
    assert uniform == [1, 0, 1, 1, 0, 1, 1]

    def due(process: int) -> set[int]:
        made = Job(case, "m", "", SMALL, seconds=0.2, part=Part(process))
        arrivals = Arrivals(made, lambda: None)
        arrivals.begin(0)
        return set(iter(arrivals.window.next, None))

    whole = Arrivals(Job(replace(case, processes=1), "m", "", SMALL, seconds=0.2), lambda: None)
    whole.begin(0)
    assert due(0) | due(1) == set(iter(whole.window.next, None))
    assert not due(0) & due(1)


def test_each_client_ends_and_leaves_what_came_too_late() -> None:
    """Defect: a client without its end would wait for arrivals for ever."""
    due = Due([10, 20, 30], clients=2, stop_ns=100)
    assert [due.next() for _ in range(3)] == [10, 20, 30]
    assert (due.next(), due.next()) == (None, None)
    due = Due([10, 20, 30], clients=1, stop_ns=100)
    assert due.take(50) == 10
    assert due.take(100) is None
    assert due.unserved == 2


class VirtualSelector(selectors.DefaultSelector):
    """A selector that does not wait: it moves a clock on."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        self.now_s += timeout or 0.0
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.clock = VirtualSelector()
        super().__init__(self.clock)

    def time(self) -> float:
        return self.clock.now_s


def test_the_open_loop_waits_as_a_queue_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Defect: clients with arrivals of their own let others wait behind a slow operation.

    The loop itself runs here, in virtual time: its waits are those of a queue with the same
    arrivals and service times.
    """
    clients, draw = 3, Random(5)
    services = [draw.expovariate(1) * 0.004 for _ in range(2_000)]
    times = schedule(600, "poisson", 3.0, "virtual")
    loop = VirtualLoop()
    monkeypatch.setattr(open_clients_async, "perf_counter_ns", lambda: round(loop.time() * 1e9))
    numbers = count()

    async def serve() -> None:
        await asyncio.sleep(services[next(numbers)])

    def steps() -> Iterator[Any]:
        while True:
            yield (serve, None), ()

    due = Due(times, clients, 2**62)
    case = Case("null-async", POINT_READ, concurrency=clients, rate=600)
    backend: Any = type("Backend", (), {"shapes": {}})()
    served = [AsyncOpenClient(backend, case, ()) for _ in range(clients)]

    async def main() -> None:
        await asyncio.gather(*(client.serve(due, steps()) for client in served))

    with asyncio.Runner(loop_factory=lambda: loop) as run:
        run.run(main())
    records = sorted(
        (when, max(0, free - when), start - max(when, free))
        for client in served
        for when, free, start in zip(
            client.recorder.due, client.recorder.free, client.recorder.starts, strict=True
        )
    )
    queued = iter(services)
    expected = waits_ns(times, clients, lambda: round(next(queued) * 1e9))
    assert [when for when, _, _ in records] == list(times)
    assert max(late for _, _, late in records) <= 1_000
    # Services are handed out in the order of starts, which are those of the queue.
    assert [wait for _, wait, _ in records] == pytest.approx(expected, abs=2_000)
    assert fmean(expected) > 100_000  # it is a queue


def test_a_timer_below_a_millisecond_is_not_rounded_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Defect: epoll's timeout is whole milliseconds: a lone client began up to 1 ms late."""
    asked: list[float] = []
    plain = select.select

    def noted(*arguments: Any) -> Any:
        asked.append(arguments[-1])
        return plain(*arguments)

    monkeypatch.setattr(select, "select", noted)
    with asyncio.Runner(loop_factory=exact_loop) as run:
        for _ in range(100):
            run.run(asyncio.sleep(0.0003))
            if asked:  # a machine that stalls so long has no time to wait for
                break
    assert len(asked) >= 1
    assert 0 < max(asked) <= 0.0003


def _job(name: str, rate: int, seconds: float = 0.2, **factors: Any) -> Job:
    loop = "asyncio" if "async" in name else "none"
    case = Case(name, POINT_READ, concurrency=2, rate=rate, loop=loop)  # type: ignore[arg-type]
    case = replace(case, **factors)
    return Job(case, BUILTIN[name], "", SMALL, seconds=seconds, warm_up_s=0.01)


@NULL
def test_operations_of_the_window_are_those_that_arrived(name: str) -> None:
    """Defect: an operation of the lead-in in the figures, or one of the window that is lost."""
    run = runner.run(_job(name, 2_000))
    samples, arrived = run.samples, run.arrived
    assert arrived is not None
    assert len(samples) + arrived.unserved == arrived.offered
    times = schedule(2_000, "poisson", 0.25, f"{SMALL.seed}/2000/poisson/0")
    assert arrived.offered == sum(time >= 50_000_000 for time in times)
    columns = (samples.start_ns, samples.wait_ns, samples.late_ns)
    intended = [start - wait - late for start, wait, late in zip(*columns, strict=True)]
    # A machine that stalls until the window is over leaves the last arrivals.
    first = [time - 50_000_000 for time in times if time >= 50_000_000][: len(samples)]
    assert sorted(intended) == first


@NULL
def test_a_backlog_that_cannot_be_served_is_left(name: str) -> None:
    """Defect: a rate far above the capacity kept its clients at work for minutes."""
    from bench.studies.audit import serving

    job = replace(
        _job(name, 3_000),
        module=serving.__name__,
        case=replace(_job(name, 3_000).case, backend=name.replace("null", "serving")),
    )
    run = runner.run(job)
    assert run.arrived is not None
    assert run.arrived.unserved > 0
    # A client that the machine stops after its look at the clock begins one more, late.
    *in_time, _, _ = sorted(run.samples.start_ns)
    assert all(start < 0.4e9 for start in in_time)


@BOTH
def test_a_failed_operation_is_counted_at_its_arrival(name: str, shop: Database) -> None:
    """Defect: a failure without its intended start shifts every wait after it."""

    def fail_at_times() -> None:
        if len(record.calls) % 50 == 0:
            raise RuntimeError("refused")

    record.act = fail_at_times
    job = _job("null-async" if "async" in name else "null", 500, LONG_S)
    job = replace(job, module="tests.bench.recording", url=shop.url)
    job = replace(job, case=replace(job.case, backend=name))
    run = again_while(lambda run: not run.samples.errors, lambda: runner.run(job))
    samples = run.samples
    assert run.arrived is not None
    assert len(samples.errors) >= 1
    assert len(samples) + run.arrived.unserved == run.arrived.offered
    assert len(samples.wait_ns) == len(samples.late_ns) == len(samples)


@BOTH
def test_a_session_that_cannot_be_opened_is_counted_at_arrivals(name: str, shop: Database) -> None:
    """Defect: with a server that is gone, clients would not take arrivals, and never end."""

    def fail() -> None:
        if len(record.calls) > 20:
            record.refuse = refuse
            raise RuntimeError("gone")

    def refuse() -> None:
        raise RuntimeError("no session")

    record.act = fail
    job = _job("null-async" if "async" in name else "null", 300, LONG_S)
    job = replace(job, module="tests.bench.recording", url=shop.url)
    job = replace(job, case=replace(job.case, backend=name))

    def measured() -> Run:
        record.refuse = lambda: None
        return runner.run(job)

    refused = "RuntimeError: no session"
    run = again_while(lambda run: refused not in run.samples.errors.values(), measured)
    samples = run.samples
    assert refused in samples.errors.values()
    assert min(samples.duration_ns) >= 0
    assert len(samples.wait_ns) == len(samples)


def test_variation_of_the_wait_is_that_of_a_queue() -> None:
    """Defect: a schedule that smooths its arrivals makes a queue look better than it is."""
    times = schedule(700, "poisson", 60.0, "smooth")
    counts = np.histogram(times, bins=600)[0]
    assert stdev(counts.tolist()) == pytest.approx(70**0.5, rel=0.12)
