"""The progress of a measurement: a screen, plain lines, or nothing.

It goes to stderr, since stdout is for the table. It draws and computes only between two steps,
never while an operation is timed.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console

from bench.analysis.summary import of_case
from bench.measure.turn import WARM_AGAIN_SHARE
from bench.model.case import Case
from bench.model.plan import Plan
from bench.model.rate import LEAD_IN_SHARE, window_at_rate_s
from bench.model.study import probes
from bench.model.units import RATES, TIMES, with_unit
from bench.model.workload import WORKLOADS
from bench.output.terminal.console import console
from bench.results.entries import Entry, Failure, Run

if TYPE_CHECKING:
    from bench.output.terminal.screen import Screen

# The approximate duration of each step, in seconds. Only the proportions matter, since the time
# that has passed corrects the estimate.
_ROWS_S = 1.0
_STEP_S = {"verification": 1.0, "memory": 0.3}
"""Stage -> seconds per step. A run takes its window, a short warm-up,
and `_RUN_OVERHEAD_S`."""
_RUN_OVERHEAD_S = 0.02

_LINE_EVERY_S = 5.0


class Estimate:
    """The share that is done, and the seconds that are left.

    The pace is real seconds divided by planned seconds. At first the planned pace dominates: it
    counts as much as `_PLAN_WEIGHT_S` seconds of measurement.
    """

    _PLAN_WEIGHT_S = 15.0

    def __init__(self, total_s: float) -> None:
        self.total_s = total_s
        self.done_s = 0.0
        self._began = time.monotonic()

    @property
    def share(self) -> float:
        """The share of the planned seconds that is done, from 0 to 1."""
        return min(1.0, self.done_s / self.total_s)

    @property
    def left_s(self) -> float:
        """The seconds that the rest will take."""
        passed_s = time.monotonic() - self._began
        pace = (passed_s + self._PLAN_WEIGHT_S) / (self.done_s + self._PLAN_WEIGHT_S)
        return max(0.0, self.total_s - self.done_s) * pace


class Progress:
    """The progress listener of `bench.measure`, which shows the progress to the user.

    On a terminal it draws a screen. Elsewhere, and if `CI` is set, it prints lines. With `quiet` it
    prints nothing.
    """

    def __init__(self, plan: Plan, backends: int, *, verify: bool, quiet: bool) -> None:
        self._run_s = _window_s(plan) * (1 + WARM_AGAIN_SHARE) + _RUN_OVERHEAD_S
        self._step_s = _STEP_S | {name: probe.seconds for name, probe in probes().items()}
        self._estimate = Estimate(
            _ROWS_S
            + (backends * self._step_s["verification"] if verify else 0)
            + len(plan.memory_cases) * self._step_s["memory"]
            + sum(len(cases) * self._step_s[name] for name, cases in plan.probes.items())
            + plan.runs * self._run_s
        )
        self._console = console(stderr=True, quiet=quiet)
        self._screen = _screen(self._console, plan)
        self._stage = ""
        self._weight_s = _ROWS_S
        self._measured = self._figures = ""
        self._printed_at = time.monotonic()

    def __enter__(self) -> Self:
        (self._screen or nullcontext()).__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._unless_lost():
            (self._screen or nullcontext()).__exit__(kind, error, trace)

    def stage(self, what: str, steps: int | None = None) -> None:
        """Show that a stage begins, with its number of steps; None for a stage without steps."""
        self._stage = what
        self._weight_s = self._step_s.get(what, self._run_s if steps else _ROWS_S)
        self._show(what)
        if not self._screen:
            self._line(f"{what}: {steps}" if steps else what)
        if steps is None:
            self._advance()

    def compared(self, backend: str) -> None:
        """Show that the answers of a backend were compared: one step of the verification."""
        self._show(f"{self._stage}: {backend}")
        self._advance()

    def begin(self, case: Case) -> None:
        """Show the case whose step begins."""
        self._show(f"{self._stage}: {case.title}")

    def step(self, case: Case, outcome: Entry) -> None:
        """Count a finished step, and show its figures or its failure."""
        if isinstance(outcome, Failure):
            self._line(f"failed: {case.title}: {outcome.error}")
        if isinstance(outcome, Run):
            self._figures = _in_words(outcome)
            self._measured = case.title
            if self._screen:
                self._screen.note(case.backend, self._figures, _without_backend(case))
        self._advance()

    def _show(self, what: str) -> None:
        if self._screen:
            with self._unless_lost():
                self._screen.show(what, self._estimate.share, self._estimate.left_s)

    def _advance(self) -> None:
        self._estimate.done_s += self._weight_s
        now = time.monotonic()
        if not self._screen and now - self._printed_at > _LINE_EVERY_S:
            self._printed_at = now
            share, left_s = self._estimate.share, self._estimate.left_s
            last = f"; {self._measured}: {self._figures}" if self._figures else ""
            self._line(f"{self._stage}: {share:4.0%} done, about {left_s:.0f} s left{last}")

    def _line(self, text: str) -> None:
        with self._unless_lost():
            self._console.print(text, soft_wrap=True)

    @contextmanager
    def _unless_lost(self) -> Iterator[None]:
        """Write inside the `with` block; after an `OSError`, write nothing more.

        The measurement continues when the reader of stderr has gone.
        """
        try:
            yield
        except OSError:
            self._screen = None
            self._console.quiet = True


def _window_s(plan: Plan) -> float:
    """Return the mean length of a window, with the lead-in of those at a rate."""
    seconds = [
        plan.profile.seconds
        if case.rate is None
        else (1 + LEAD_IN_SHARE) * window_at_rate_s(case.rate, plan.profile.seconds)
        for case in plan.cases
    ]
    return sum(seconds) / max(1, len(seconds))


def _screen(shown: Console, plan: Plan) -> "Screen | None":
    watched = shown.is_terminal and not shown.is_dumb_terminal and not shown.quiet
    if not watched or os.environ.get("CI"):
        return None
    from bench.output.terminal.screen import Screen

    return Screen(shown, dict.fromkeys(case.backend for case in plan.cases))


def _without_backend(case: Case) -> str:
    return case.title.removeprefix(f"{case.backend}, ")


def _in_words(run: Run) -> str:
    """Return the figures of one run in words, without intervals, since it is a single round."""
    summary = of_case(run.case, [run], [], [])
    if not summary.operations:
        return "every operation failed"
    (figures,) = summary.rounds
    if WORKLOADS[run.case.workload].many_rows:
        words = [f"{with_unit(figures.rows_per_s, RATES)} rows/s"]
        if first := summary.usable_after_ns:
            words.append(f"first row {with_unit(first.median, TIMES)}")
    else:
        words = [f"{with_unit(figures.throughput_per_s, RATES)} operations/s"]
        p50_ns = figures.latency_ns.get("p50")
        words.append("not held" if p50_ns is None else f"p50 {with_unit(p50_ns, TIMES)}")
    if summary.failed:
        words.append(f"{summary.failed:,} failed")
    return ", ".join(words)
