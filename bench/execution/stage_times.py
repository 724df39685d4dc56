"""The time that each stage of a run takes, and how much of it is windows."""

import time

from bench.execution.progress_listener import ProgressListener
from bench.model.case import Case
from bench.results.entries import Entry

WINDOWS = "windows"
"""The time from the start barrier to the last sample, over all runs."""


class StageTimes:
    """A listener that passes everything on, and measures how long the stages take."""

    def __init__(self, listener: ProgressListener) -> None:
        self.seconds: dict[str, float] = {}
        """Stage -> seconds, without `windows`, which are a part of the measurement."""
        self._listener = listener
        self._stage = "preparation"
        self._began = time.monotonic()

    def stage(self, what: str, steps: int | None = None) -> None:
        """End the stage before, and begin another."""
        self._note()
        self._stage = what
        self._listener.stage(what, steps)

    def compared(self, backend: str) -> None:
        self._listener.compared(backend)

    def begin(self, case: Case) -> None:
        self._listener.begin(case)

    def step(self, case: Case, outcome: Entry) -> None:
        self._listener.step(case, outcome)

    def end(self, window_s: float) -> None:
        """End the last stage. `window_s`: the seconds of all windows, in the measurement."""
        self._note()
        if window_s:
            self.seconds[WINDOWS] = window_s
            left = self.seconds.get("measurement", 0.0) - window_s
            self.seconds["measurement"] = max(0.0, left)

    def _note(self) -> None:
        now = time.monotonic()
        self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._began
        self._began = now
