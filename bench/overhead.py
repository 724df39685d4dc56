"""What the harness itself costs: each pair once through it, once through a bare loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bench import bare, runner
from bench.bare import Pace
from bench.processes import PATIENCE_S, Crew
from bench.runner import Job
from bench.stats import Interval, ratio_of_rounds

WITHIN = 0.015
"""How narrow the 95 % interval of both ratios has to be, either way."""

LEAST_THROUGHPUT = 0.97
MOST_CPU = 1.05

_PAIRS_AT_ONCE = 8


@dataclass(frozen=True)
class Pair:
    harness: Pace
    bare: Pace


@dataclass(frozen=True)
class Overhead:
    """The harness over the bare loop: median ratios of paired rounds, with their intervals."""

    job: Job
    pairs: Sequence[Pair]

    @property
    def throughput(self) -> Interval:
        return self._ratio(lambda pace: pace.per_s)

    @property
    def cpu_per_operation(self) -> Interval:
        return self._ratio(lambda pace: pace.cpu_ns_per_operation)

    @property
    def narrow(self) -> bool:
        """True when both intervals are as narrow as they have to be."""
        ratios = (self.throughput, self.cpu_per_operation)
        return all(ratio.relative is not None and ratio.relative <= WITHIN for ratio in ratios)

    @property
    def kept(self) -> bool:
        """True when both medians keep what the harness promises."""
        throughput, cpu = self.throughput.median, self.cpu_per_operation.median
        return throughput >= LEAST_THROUGHPUT and cpu <= MOST_CPU

    def _ratio(self, figure: Callable[[Pace], float]) -> Interval:
        found = ratio_of_rounds(
            {number: figure(pair.harness) for number, pair in enumerate(self.pairs)},
            {number: figure(pair.bare) for number, pair in enumerate(self.pairs)},
        )
        assert found is not None, "there is always a pair"
        return found


def measure(
    crew: Crew, job: Job, most_pairs: int, on_progress: Callable[[Overhead], None]
) -> Overhead:
    """Pairs of short rounds, in the backend's own process, until the intervals are narrow."""
    pairs: list[Pair] = []
    while True:
        amount = min(_PAIRS_AT_ONCE, most_pairs - len(pairs))
        name = job.case.backend
        pairs += crew.result(name, crew.submit(name, _pairs, job, len(pairs), amount), PATIENCE_S)
        found = Overhead(job, tuple(pairs))
        on_progress(found)
        if found.narrow or len(pairs) >= most_pairs:
            return found


def _pairs(job: Job, first: int, amount: int) -> list[Pair]:
    """So many pairs; who goes first alternates, so that neither always profits."""
    pairs = []
    loop = bare.LOOPS[job.case.backend]
    for number in range(first, first + amount):
        if number % 2:
            pairs.append(Pair(bare=loop(job), harness=_harness(job)))
        else:
            pairs.append(Pair(harness=_harness(job), bare=loop(job)))
    return pairs


def _harness(job: Job) -> Pace:
    run = runner.run(replace(job, postmaster_pid=None))
    return Pace(len(run.samples), run.elapsed_ns, run.client_cpu_ns)
