"""Probes that are not timed: two worker processes are busy, and none waits for the other."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from bench.execution.outcomes import Outcomes
from bench.execution.schedule import next_beside
from bench.measure.worker_pool import Pending
from bench.model.case import Case
from bench.results.entries import Entry

AT_ONCE = 2
"""The processes at work. With more, a client might wait for a processor so long that its round
trips are counted wrong."""


@dataclass
class TwoAtATime:
    """Measures each case once, in the process of its backend; none of a backend that failed."""

    outcomes: Outcomes
    submit: Callable[[Case], Pending[Entry]]
    """Gives a case to its process."""
    after: Callable[[Case], None]
    """Is called when a case has ended."""
    timeout_s: float
    at_once: int = AT_ONCE
    _working: dict[Case, tuple[Pending[Entry], float]] = field(init=False, default_factory=dict)
    """The cases at work, and the clock's reading at which each is given up."""

    def measure(self, cases: Iterable[Case]) -> Sequence[Entry]:
        """Measure the cases; return their outcomes. Raises as `Outcomes.keep`."""
        left, measured = list(cases), list[Entry]()
        while True:
            left = [case for case in left if case.backend not in self.outcomes.failed]
            while len(self._working) < self.at_once:
                if (case := next_beside(left, self._working)) is None:
                    break
                left.remove(case)
                self._begin(case)
            if not self._working:
                return measured
            measured.append(self._end())

    def _begin(self, case: Case) -> None:
        self.outcomes.listener.begin(case)
        self._working[case] = self.submit(case), time.monotonic() + self.timeout_s

    def _end(self) -> Entry:
        """Wait until a case has ended, or has to be given up; keep its outcome."""
        now = time.monotonic()
        ends = min(ends for _, ends in self._working.values())
        pending = [each for each, _ in self._working.values()]
        self.outcomes.workers.wait_for_one(pending, max(0.0, ends - now))
        case = next(
            (
                case
                for case, (each, _) in self._working.items()
                if self.outcomes.workers.answered(each)
            ),
            min(self._working, key=lambda case: self._working[case][1]),
        )
        each, _ = self._working.pop(case)
        outcome = self.outcomes.wait(case, 0, each, 0.0)
        self.outcomes.keep(outcome)
        self.after(case)
        return outcome
