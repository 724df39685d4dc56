"""What a user sees while it is measured: a bar and the time left, or plain lines.

It goes to stderr: the table alone is for stdout.
"""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from bench.case import Case
from bench.entries import Entry, Failure
from bench.plan import Plan
from bench.processes import uninterrupted

# Roughly what a step takes, in seconds: only the proportions matter, as what is left is
# estimated from what has passed.
_ROWS_S = 1.0
_STEP_S = {"verification": 1.0, "memory": 0.3, "proof": 0.5, "bare loops": 4.0}
"""By stage; the step of a round takes what its profile says, and the following."""
_RUN_OVERHEAD_S = 0.15

_LINE_EVERY_S = 5.0


class Estimate:
    """How much is done and how long the rest will take, in planned seconds and real ones.

    The plan is believed for as long as it takes to see how far it is off.
    """

    _BELIEF_S = 15.0

    def __init__(self, total_s: float) -> None:
        self.total_s = total_s
        self.done_s = 0.0
        self._began = time.monotonic()

    @property
    def share(self) -> float:
        return min(1.0, self.done_s / self.total_s)

    @property
    def left_s(self) -> float:
        passed_s = time.monotonic() - self._began
        pace = (passed_s + self._BELIEF_S) / (self.done_s + self._BELIEF_S)
        return max(0.0, self.total_s - self.done_s) * pace


class Bar:
    """Told by `bench.measure` how it goes; tells the user."""

    def __init__(self, plan: Plan, backends: int, *, verify: bool, quiet: bool) -> None:
        profile = plan.profile
        self._run_s = profile.seconds + profile.warm_up_s + _RUN_OVERHEAD_S
        self._estimate = Estimate(
            _ROWS_S
            + (backends * _STEP_S["verification"] if verify else 0)
            + len(plan.memory_cases) * _STEP_S["memory"]
            + len(plan.proof_cases) * _STEP_S["proof"]
            + len(plan.bare_cases) * _STEP_S["bare loops"]
            + plan.runs * self._run_s
        )
        self._quiet = quiet
        self._console = Console(stderr=True, highlight=False)
        self._lines = not self._console.is_terminal
        self._stage = ""
        self._weight_s = _ROWS_S
        self._spoke = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("about {task.fields[left_s]:.0f} s left"),
            console=self._console,
            transient=True,
            expand=True,
            disable=quiet or self._lines,
        )
        self._task = self._bar.add_task(
            "starting", total=self._estimate.total_s, left_s=self._estimate.left_s
        )

    def __enter__(self) -> Self:
        with uninterrupted():  # its thread leaves Ctrl-C to the one that can act on it
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def stage(self, what: str, steps: int | None = None) -> None:
        self._stage = what
        self._weight_s = _STEP_S.get(what, self._run_s if steps else _ROWS_S)
        self._say(what)
        if self._lines and not self._quiet:
            amount = f": {steps}" if steps else ""
            self._line(f"{what}{amount}")
        if steps is None:
            self._advance()

    def compared(self, backend: str) -> None:
        self._say(f"{self._stage}: {backend}")
        self._advance()

    def step(self, case: Case, outcome: Entry) -> None:
        self._say(f"{self._stage}: {case.title}")
        if isinstance(outcome, Failure):
            self._line(f"failed: {case.title}: {outcome.error}")
        self._advance()

    def _say(self, what: str) -> None:
        self._bar.update(self._task, description=what[:60].ljust(60))

    def _advance(self) -> None:
        estimate = self._estimate
        estimate.done_s += self._weight_s
        left_s = estimate.left_s
        self._bar.update(self._task, completed=estimate.done_s, left_s=left_s)
        now = time.monotonic()
        if self._lines and now - self._spoke > _LINE_EVERY_S:
            self._spoke = now
            self._line(f"{self._stage}: {estimate.share:4.0%} done, about {left_s:.0f} s left")

    def _line(self, text: str) -> None:
        if not self._quiet:
            self._console.print(text, markup=False, soft_wrap=True)
