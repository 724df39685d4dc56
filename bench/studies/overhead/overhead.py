"""The cost of the harness itself: many short turns through it, and as many through a bare loop."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.analysis.ratios import ratio_of_rounds
from bench.analysis.stats import Interval
from bench.measure.runner import Job
from bench.measure.worker_pool import WorkerPool
from bench.model.timeout import TIMEOUT_S
from bench.studies.overhead.ab_pairs import Pair, Turn, take_turns

WITHIN = 0.015
"""Half of the width that the 95 % interval of both ratios may have at most."""

LEAST_THROUGHPUT = 0.97
MOST_CPU = 1.05

BUDGET_S = 130.0
"""The time after which no more pairs are measured. With processes that start and pools that open,
the command then ends within three minutes."""

_AT_ONCE_S = 2.0
"""The time of the pairs that a job gets at once."""


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
        """Whether both intervals are as narrow as they have to be."""
        ratios = (self.throughput, self.cpu_per_operation)
        return all(ratio.relative is not None and ratio.relative <= WITHIN for ratio in ratios)

    @property
    def kept(self) -> bool | None:
        """Whether both ratios are within the limits. None: the pairs are too few to tell.

        Medians decide if both intervals are narrow. Otherwise a limit that lies within an interval
        leaves the answer open.
        """
        throughput, cpu = self.throughput, self.cpu_per_operation
        if self.narrow or throughput.low is None or throughput.high is None:
            return throughput.median >= LEAST_THROUGHPUT and cpu.median <= MOST_CPU
        if cpu.low is None or cpu.high is None:
            return None
        if throughput.high < LEAST_THROUGHPUT or cpu.low > MOST_CPU:
            return False
        return True if cpu.high <= MOST_CPU and throughput.low >= LEAST_THROUGHPUT else None

    def _ratio(self, figure: Callable[[Turn], float]) -> Interval:
        found = ratio_of_rounds(
            {number: figure(pair.harness) for number, pair in enumerate(self.pairs)},
            {number: figure(pair.bare) for number, pair in enumerate(self.pairs)},
        )
        assert found is not None, "there is always a pair"
        return found


def measure(
    workers: WorkerPool,
    jobs: Sequence[Job],
    most_pairs: int,
    on_progress: Callable[[Overhead], None],
    budget_s: float = BUDGET_S,
) -> list[Overhead]:
    """Return the overhead of each job, whose turns take `job.seconds`.

    The jobs take turns, too: each gets a few pairs, then those whose intervals are not narrow get
    more, until all are, each has `most_pairs`, or the budget is used up. Every job gets its first
    pairs. Each backend is measured in a process of its own.
    """
    end_s = time.monotonic() + budget_s
    measured = [Overhead(job, ()) for job in jobs]
    while True:
        for place, overhead in enumerate(measured):
            lacking = most_pairs - len(overhead.pairs)
            if overhead.pairs and (overhead.narrow or not lacking or time.monotonic() > end_s):
                continue
            job = overhead.job
            amount = min(lacking, max(2, round(_AT_ONCE_S / (2 * job.seconds))))
            pending = workers.submit(job.case.backend, take_turns, job, amount)
            more = workers.result(pending, TIMEOUT_S + 4 * amount * job.seconds)
            measured[place] = Overhead(job, (*overhead.pairs, *more))
            on_progress(measured[place])
        complete = all(each.narrow or len(each.pairs) >= most_pairs for each in measured)
        if complete or time.monotonic() > end_s:
            return measured
