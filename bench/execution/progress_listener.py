"""The listener that a run tells how it goes."""

from typing import Protocol

from bench.model.case import Case
from bench.results.entries import Entry


class ProgressListener(Protocol):
    """Is told of each step. It may take time: nothing is timed meanwhile."""

    def stage(self, what: str, steps: int | None = None) -> None:
        """Another part of the work begins, with this number of steps (None: not known)."""

    def compared(self, backend: str) -> None:
        """The answers of this backend have been compared."""

    def begin(self, case: Case) -> None:
        """This case is about to be measured. Slow work has to be done before this returns."""

    def step(self, case: Case, outcome: Entry) -> None:
        """This case has been measured."""
