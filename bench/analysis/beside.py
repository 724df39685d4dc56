"""Cases that differ in one setting alone, beside each other: event loop, allocator, connection."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.analysis.verdict import NoiseFloor, Verdict, compare
from bench.model.connect import SEPARATOR

MOST_CONCURRENCIES = 3
"""The most concurrencies that are shown: the lowest, one in the middle and the highest."""

SETTINGS: Mapping[str, tuple[str, str]] = {
    "loop": ("The event loop", "The same tasks on another event loop."),
    "allocator": (
        "The state of the allocator",
        "Warmed: a large block was freed before; fresh: as in a program that has freed none.",
    ),
    "connect": ("Ways to connect", "The same work over connections with other options."),
}
"""Factor -> title and explanation of its chart."""


@dataclass(frozen=True)
class Beside:
    """One case with every value of a factor that it was measured with."""

    factor: str
    summaries: tuple[Summary, ...]
    """The first has the value that the other charts show."""

    @property
    def base(self) -> Summary:
        return self.summaries[0]

    def value(self, summary: Summary) -> str:
        """Return the value of the factor in words."""
        value = str(getattr(summary.case, self.factor))
        return value.replace(SEPARATOR, ", ") or "defaults"

    def compared(self, summary: Summary, floor: NoiseFloor | None) -> Verdict | None:
        """Return the verdict on the throughput against that of the first; None for the first."""
        return None if summary is self.base else compare(self.base, summary, floor=floor)


def beside(selection: Selection, workload: str, factor: str) -> list[Beside]:
    """Return the cases of a workload that were measured with several values of the factor.

    They are those of the other charts (`Selection.alike`), at up to `MOST_CONCURRENCIES`.
    """
    found = []
    for base in selection.alike(workload):
        if selection.looks[base.case.backend].null or not base.throughput_per_s:
            continue
        others = [
            summary
            for summary in selection.every
            if summary.throughput_per_s
            and summary.case != base.case
            and replace(summary.case, **{factor: getattr(base.case, factor)}) == base.case
        ]
        if others:
            found.append(Beside(factor, (base, *others)))
    concurrencies = sorted({of.base.case.concurrency for of in found})
    if len(concurrencies) > MOST_CONCURRENCIES:
        middle = concurrencies[len(concurrencies) // 2]
        concurrencies = [concurrencies[0], middle, concurrencies[-1]]
    return [of for of in found if of.base.case.concurrency in concurrencies]
