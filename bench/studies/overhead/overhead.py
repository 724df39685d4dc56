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

BUDGET_S = 160.0
"""The time after which no more pairs are measured. With processes that start and pools that open,
the command then ends within three minutes."""

PROCESSES = 3
"""The processes that measure a backend, in turn. Two processes of one program differ by 1 to 2 %,
even in the ratio of harness to bare loop: by the layout of their memory and their hash seeds."""

_AT_ONCE_S = 1.0
"""The time of the pairs that a job gets at once, in one process."""


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


def lacking(measured: Sequence[Overhead], turn: int, most_pairs: int) -> list[int]:
    """Return the places of those that get more pairs in this turn, the first of which is 0.

    In the first `PROCESSES` turns these are all, then those whose answer is open. When none is,
    those whose intervals are not narrow.
    """
    places = [place for place, each in enumerate(measured) if len(each.pairs) < most_pairs]
    if turn < PROCESSES:
        return places
    wide = [place for place in places if not measured[place].narrow]
    return [place for place in wide if measured[place].kept is None] or wide


def measure(
    workers: WorkerPool,
    jobs: Sequence[Job],
    most_pairs: int,
    on_progress: Callable[[Overhead], None],
    budget_s: float = BUDGET_S,
) -> list[Overhead]:
    """Return the overhead of each job, whose turns take `job.seconds`.

    The jobs take turns, too: each gets a few pairs in each of `PROCESSES` processes of its backend,
    then those that are `lacking` get more, until none is, or the budget is used up. Every job gets
    its first pairs.
    """
    end_s = time.monotonic() + budget_s
    measured = [Overhead(job, ()) for job in jobs]
    turn = 0
    while True:
        wanted = lacking(measured, turn, most_pairs)
        for place in wanted:
            overhead = measured[place]
            if overhead.pairs and time.monotonic() > end_s:
                return measured
            job = overhead.job
            most = most_pairs - len(overhead.pairs)
            amount = min(most, max(2, round(_AT_ONCE_S / (2 * job.seconds))))
            process = f"{job.case.backend} {turn % PROCESSES}"
            pending = workers.submit(process, take_turns, job, amount)
            more = workers.result(pending, TIMEOUT_S + 4 * amount * job.seconds)
            measured[place] = Overhead(job, (*overhead.pairs, *more))
            on_progress(measured[place])
        if not wanted:
            return measured
        turn += 1
