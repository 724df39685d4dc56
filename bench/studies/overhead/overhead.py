"""The overhead of the harness: pairs of short turns, one by the harness, one by a bare loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.analysis.ratios import ratio_of_rounds
from bench.analysis.stats import Interval
from bench.measure.runner import Job
from bench.measure.worker_pool import WorkerPool
from bench.model.timeout import TIMEOUT_S
from bench.studies.overhead.ab_pairs import Pair, Turn, take_turns

WITHIN = 0.015
"""The largest half width of the 95 % interval of both ratios, as a share of the median."""

LEAST_THROUGHPUT = 0.97
MOST_CPU = 1.05

LOOPS = ("asyncpg", "psycopg2")
"""The backends that have a bare loop."""

_PAIRS_AT_ONCE = 100


@dataclass(frozen=True)
class Overhead:
    """The ratios of the harness to the bare loop, from paired turns, with their intervals."""

    job: Job
    pairs: Sequence[Pair]

    @property
    def throughput(self) -> Interval:
        return self._ratio(lambda turn: turn.per_s)

    @property
    def cpu_per_operation(self) -> Interval:
        return self._ratio(lambda turn: turn.cpu_ns_per_operation)

    @property
    def narrow(self) -> bool:
        """Whether both intervals are narrow enough."""
        ratios = (self.throughput, self.cpu_per_operation)
        return all(ratio.relative is not None and ratio.relative <= WITHIN for ratio in ratios)

    @property
    def kept(self) -> bool:
        """Whether both ratios are within the limits."""
        throughput, cpu = self.throughput.median, self.cpu_per_operation.median
        return throughput >= LEAST_THROUGHPUT and cpu <= MOST_CPU

    def _ratio(self, figure: Callable[[Turn], float]) -> Interval:
        ratio = ratio_of_rounds(
            {number: figure(pair.harness) for number, pair in enumerate(self.pairs)},
            {number: figure(pair.bare) for number, pair in enumerate(self.pairs)},
        )
        assert ratio is not None, "there is always a pair"
        return ratio


def measure(
    pool: WorkerPool, job: Job, most_pairs: int, on_progress: Callable[[Overhead], None]
) -> Overhead:
    """Measure pairs of turns, each of `job.seconds`, in the backend's own process.

    Ends when the intervals are narrow, or after `most_pairs`.
    """
    name = job.case.backend
    pairs: list[Pair] = []
    while True:
        amount = min(_PAIRS_AT_ONCE, most_pairs - len(pairs))
        pairs += pool.result(pool.submit(name, take_turns, job, amount), TIMEOUT_S)
        overhead = Overhead(job, tuple(pairs))
        on_progress(overhead)
        if overhead.narrow or len(pairs) >= most_pairs:
            return overhead
