"""What the harness itself costs: many short turns, one through it, one through a bare loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.analysis.ratios import ratio_of_rounds
from bench.analysis.stats import Interval
from bench.measure.runner import Job
from bench.measure.worker_pool import WorkerPool
from bench.model.timeout import TIMEOUT_S
from bench.studies.overhead.ab_pairs import Pair, Turn, take_turns

WITHIN = 0.015
"""How narrow the 95 % interval of both ratios has to be, either way."""

LEAST_THROUGHPUT = 0.97
MOST_CPU = 1.05

LOOPS = ("asyncpg", "psycopg2")
"""The backends that a bare loop is written for."""

_PAIRS_AT_ONCE = 100


@dataclass(frozen=True)
class Overhead:
    """The harness over the bare loop: the ratios of paired turns, with their intervals."""

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
        """True when both intervals are as narrow as they have to be."""
        ratios = (self.throughput, self.cpu_per_operation)
        return all(ratio.relative is not None and ratio.relative <= WITHIN for ratio in ratios)

    @property
    def kept(self) -> bool:
        """True when both ratios keep what the harness promises."""
        throughput, cpu = self.throughput.median, self.cpu_per_operation.median
        return throughput >= LEAST_THROUGHPUT and cpu <= MOST_CPU

    def _ratio(self, figure: Callable[[Turn], float]) -> Interval:
        found = ratio_of_rounds(
            {number: figure(pair.harness) for number, pair in enumerate(self.pairs)},
            {number: figure(pair.bare) for number, pair in enumerate(self.pairs)},
        )
        assert found is not None, "there is always a pair"
        return found


def measure(
    crew: WorkerPool, job: Job, most_pairs: int, on_progress: Callable[[Overhead], None]
) -> Overhead:
    """Pairs of turns of `job.seconds`, in the backend's own process, until they say enough."""
    name = job.case.backend
    pairs: list[Pair] = []
    while True:
        amount = min(_PAIRS_AT_ONCE, most_pairs - len(pairs))
        pairs += crew.result(crew.submit(name, take_turns, job, amount), TIMEOUT_S)
        found = Overhead(job, tuple(pairs))
        on_progress(found)
        if found.narrow or len(pairs) >= most_pairs:
            return found
