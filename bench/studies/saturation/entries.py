"""The entries that a search adds to a results file, and the lines that read them."""

from dataclasses import dataclass
from typing import ClassVar

from bench.results.entries import ProbeResult
from bench.results.schema import EntryLine, Place, Span


@dataclass(frozen=True)
class Objective(ProbeResult):
    """The objective of a search, for one backend: the line that comes before all windows."""

    kind: ClassVar[str] = "objective"
    objective_ns: int
    """The highest p99 of the response that a window may have."""


@dataclass(frozen=True)
class Saturation(ProbeResult):
    """The answer of a search: the case has the highest rate that was confirmed."""

    kind: ClassVar[str] = "saturation"
    tried: int
    """The candidates that were tried, each lower than the one before; the case is the last."""
    missed_per_s: int | None
    """The lowest rate above that missed; None if none did."""


class ObjectiveLine(EntryLine, tag=Objective.kind):
    """A line of kind `objective`."""

    objective_ns: Span

    def entry(self) -> Objective:
        return Objective(**self.fields())


class SaturationLine(EntryLine, tag=Saturation.kind):
    """A line of kind `saturation`."""

    tried: Place
    missed_per_s: Place | None = None

    def entry(self) -> Saturation:
        return Saturation(**self.fields())
