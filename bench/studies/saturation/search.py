"""The search for the highest rate that a backend holds: which rate to measure next.

It is pure: windows are measured elsewhere, and noted here as passed or missed.

1. **Scouting.** Bisection on the logarithm of the rate, between a tenth of the throughput in a
   closed loop and a tenth above it, until two neighbours differ by `STEP`. The closed loop's window
   may have been a slow one: if no rate missed, the upper bound is raised. One window that passes
   is enough to go up. To go down takes two that miss, without one that passes: a stall of the
   machine must not halve the answer.
2. **Confirming.** The rate must pass in six windows (`windows_for`), one after another. If one
   misses, the next candidate is lower by `STEP`, and begins anew. Windows of the scouting do not
   count: they chose the rate.
3. **The curve.** Some lower rates are measured, for the chart.

The rule of the second step is a sign test (Conover, *Practical Nonparametric Statistics*, 3rd
edition, 1999, section 3.4). Were half of all windows at a rate to miss, all six would pass with
probability 2^-6. Several candidates have several chances, so from the third on each needs one
window more: the probabilities add up to 1/64 + 1/64 + 1/128 + 1/256 ..., less than 3/64
(Bonferroni). So the answer holds with at least 95 % confidence, however many candidates were tried.
"""

from collections import deque
from dataclasses import dataclass, field
from math import sqrt

from bench.model.rate import MOST_PER_S

STEP = 1.05
"""The factor between two neighbouring rates: the resolution of the answer."""

CONFIRMING = 6
"""The windows that the first candidate must pass."""

LOWEST, HIGHEST = 0.1, 1.1
"""The first bounds of the search, as shares of the throughput in a closed loop."""

RAISED = 1.5
"""The factor by which the upper bound is raised if no rate below it missed."""

CURVE = (0.25, 0.5, 0.75, 0.9)
"""The rates that are measured for the chart, as shares of the answer."""
CURVE_WINDOWS = 2

MOST_CANDIDATES = 20
"""The most candidates, before the search gives up: each is lower than the one before."""


def windows_for(candidate: int) -> int:
    """Return the windows that a candidate must pass. Candidates are counted from 1."""
    return CONFIRMING + max(0, candidate - 2)


def confidence(tried: int) -> float:
    """Return how sure it is that most windows pass, if the last of `tried` candidates did."""
    chance: float = sum(0.5 ** windows_for(candidate) for candidate in range(1, tried + 1))
    return 1 - chance


@dataclass
class Search:
    """The search of one backend. `closed_per_s`: its throughput in a closed loop."""

    closed_per_s: float
    most_per_s: int = MOST_PER_S
    """The highest rate that the generator can begin."""
    answer: int | None = None
    """The highest rate that was confirmed."""
    tried: int = 0
    """Candidates that were begun to be confirmed."""
    missed: int | None = None
    """The lowest rate above the answer that missed."""
    _windows: dict[int, list[bool]] = field(default_factory=dict)
    _candidate: int | None = None
    _confirmed: int = 0
    _curve: deque[int] = field(default_factory=deque)
    _over: bool = False

    def __post_init__(self) -> None:
        self._high = min(float(self.most_per_s), HIGHEST * self.closed_per_s)
        self._low = max(1.0, min(LOWEST * self.closed_per_s, self._high))
        self._low_passed = False

    def next(self) -> int | None:
        """Return the rate of the next window; None if the search is over."""
        if self._over:
            return None
        if self._candidate is not None and self.answer is None:
            return self._candidate
        if self.answer is not None:
            return self._curve[0] if self._curve else None
        middle = round(sqrt(self._low * self._high))
        if self._high / self._low > STEP and round(self._low) < middle < round(self._high):
            return middle
        if self.missed is None and self._high < self.most_per_s:
            self._high = min(float(self.most_per_s), RAISED * self._high)
            return self.next()
        lowest = max(1, round(self._low))
        if not self._low_passed and len(self._windows.get(lowest, ())) < 2:
            return lowest
        self._begin(lowest)
        return self._candidate

    def note(self, rate: int, passed: bool) -> None:
        """Note a window at the rate that `next` gave."""
        if self.answer is not None:
            if self._curve and self._curve[0] == rate:
                self._curve.popleft()
        elif self._candidate is not None:
            self._confirm(rate, passed)
        else:
            self._scout(rate, passed)

    def _scout(self, rate: int, passed: bool) -> None:
        windows = self._windows.setdefault(rate, [])
        windows.append(passed)
        if passed:
            self._low, self._low_passed = float(rate), True
        elif len(windows) > 1:
            self._miss(rate)
            self._high = float(rate)
            if rate <= self._low:  # the first bound was too high
                self._low = max(1.0, self._low * LOWEST)
                self._over = rate <= 1

    def _begin(self, rate: int) -> None:
        self._candidate, self._confirmed = rate, 0
        self.tried += 1

    def _confirm(self, rate: int, passed: bool) -> None:
        if passed:
            self._confirmed += 1
            if self._confirmed == windows_for(self.tried):
                self.answer = rate
                points = [max(1, round(rate * share)) for share in CURVE]
                self._curve.extend(point for point in points for _ in range(CURVE_WINDOWS))
            return
        self._miss(rate)
        if rate <= 1 or self.tried == MOST_CANDIDATES:
            self._over = True
        else:
            self._begin(max(1, min(rate - 1, round(rate / STEP))))

    def _miss(self, rate: int) -> None:
        self.missed = rate if self.missed is None else min(self.missed, rate)
