"""Clients that wait after each operation: the wait is in the throughput, and in no sample."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from bench.analysis.summary import of_case
from bench.measure import runner
from bench.measure.job import Job
from bench.model.case import Case
from bench.results.entries import Run
from bench.results.samples import Samples
from bench.server.database import Database
from tests.bench.conftest import SMALL
from tests.bench.measure.conftest import BOTH, POINT, again_while

MS = 1_000_000


class ThinkingJob(Job):
    """A job whose clients wait 20 ms after each operation."""

    think_s = 0.02  # type: ignore[assignment]


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    runner.close_all()


@BOTH
def test_clients_of_values_wait_too(shop: Database, name: str) -> None:
    """Defect: the loop of operations that return values had no think time. A workload of units
    alone was measured without any: 9,190 operations/s of two clients in place of 100."""
    case = Case(name, POINT, concurrency=2, loop="asyncio" if "async" in name else "none")
    module = "tests.bench.recording"
    job = ThinkingJob(case, module, shop.url, SMALL, 0, 0.1, 0.01)
    run = again_while(lambda run: run.fewest_operations < 2, lambda: runner.take_turn(job))
    assert run.think_ns == 20 * MS
    samples = run.samples
    assert 2 * 2 <= len(samples) <= 2 * 5
    for client in range(2):
        own = [at for at, number in enumerate(samples.worker) if number == client]
        for before, after in pairwise(own):
            ended = samples.start_ns[before] + samples.duration_ns[before]
            assert samples.start_ns[after] - ended >= 20 * MS
    assert of_case(case, [run], [], []).median_per_s < 2 / 0.02


@pytest.mark.parametrize("clients", [1, 3])
@pytest.mark.parametrize(("think_ms", "window_ms"), [(20, 50), (300, 50), (7, 1_000), (300, 500)])
def test_the_last_wait_counts(clients: int, think_ms: int, window_ms: int) -> None:
    """Defect: a client counted as free from the end of its last operation on, not from that of its
    wait: six times the throughput where the wait is six times the window."""
    cycle_ns = (think_ms + 1) * MS
    starts = range(0, window_ms * MS, cycle_ns)
    samples = Samples()
    for client in range(clients):
        samples.start_ns.extend(starts)
        samples.duration_ns.extend([MS] * len(starts))
        samples.rows.extend([1] * len(starts))
        samples.worker.extend([client] * len(starts))
    case = Case("asyncpg", POINT, concurrency=clients)
    run = Run(
        case, 0, "", window_ms * MS, samples, 0, None, window_ms * MS, None, None, 0, 0,
        think_ns=think_ms * MS,
    )  # fmt: skip
    summary = of_case(case, [run], [], [])
    assert summary.median_per_s == pytest.approx(clients * 1e9 / cycle_ns, rel=0.01)
