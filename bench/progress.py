"""What a user sees while it is measured: a bar and the time left, or plain lines.

It goes to stderr: the table alone is for stdout.
"""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from bench.case import Case
from bench.plan import Plan
from bench.processes import uninterrupted
from bench.results import Failure, Memory, Run
from bench.verify import Verdict

# Roughly what a step takes, in seconds: only the proportions matter, as what is left is
# estimated from what has passed.
_ROWS_S = 1.0
_VERDICT_S = 1.0
_MEMORY_S = 0.5
_RUN_OVERHEAD_S = 0.15

_LINE_EVERY_S = 5.0


class Bar:
    """Told by `bench.measure` how it goes; tells the user."""

    def __init__(self, plan: Plan, backends: int, *, verify: bool, quiet: bool) -> None:
        profile = plan.profile
        self._run_s = profile.seconds + profile.warm_up_s + _RUN_OVERHEAD_S
        runs = len(plan.cases) * profile.rounds
        self._total_s = (
            _ROWS_S
            + (backends * _VERDICT_S if verify else 0)
            + len(plan.memory_cases) * _MEMORY_S
            + runs * self._run_s
        )
        self._quiet = quiet
        self._console = Console(stderr=True, highlight=False)
        self._lines = not self._console.is_terminal
        self._stage = ""
        self._weight_s = _ROWS_S
        self._done_s = 0.0
        self._began = self._spoke = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("left"),
            console=self._console,
            transient=True,
            expand=True,
            disable=quiet or self._lines,
        )
        self._task = self._bar.add_task("starting", total=self._total_s)

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
        self._weight_s = {"verification": _VERDICT_S, "memory": _MEMORY_S}.get(
            what, self._run_s if steps else _ROWS_S
        )
        self._say(what)
        if self._lines and not self._quiet:
            amount = f": {steps}" if steps else ""
            self._line(f"{what}{amount}")
        if steps is None:
            self._advance()

    def verdict(self, verdict: Verdict) -> None:
        self._say(f"verification: {verdict.backend}")
        self._advance()

    def step(self, case: Case, outcome: Run | Memory | Failure) -> None:
        self._say(f"{self._stage}: {case.title}")
        if isinstance(outcome, Failure):
            self._line(f"failed: {case.title}: {outcome.error}")
        self._advance()

    def _say(self, what: str) -> None:
        self._bar.update(self._task, description=what[:60].ljust(60))

    def _advance(self) -> None:
        self._done_s += self._weight_s
        self._bar.update(self._task, completed=self._done_s)
        now = time.monotonic()
        if self._lines and now - self._spoke > _LINE_EVERY_S:
            self._spoke = now
            left_s = (now - self._began) * max(0.0, self._total_s / self._done_s - 1)
            share = min(1.0, self._done_s / self._total_s)
            self._line(f"{self._stage}: {share:4.0%} done, about {left_s:.0f} s left")

    def _line(self, text: str) -> None:
        if not self._quiet:
            self._console.print(text, markup=False, soft_wrap=True)
