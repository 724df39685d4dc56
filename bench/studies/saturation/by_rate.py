"""Cases that differ in backend and rate alone, side by side: for the chart and the report."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.model.case import Case

_CLOSE = 1.02
"""Rates that differ by less are drawn as one point: the one with the most windows."""


@dataclass(frozen=True)
class ByRate:
    """One kind of work at several rates."""

    kind: Case
    """The case without backend and rate."""
    lines: dict[str, list[Summary]]
    """Backend -> its cases that have figures, by rate."""

    @property
    def summaries(self) -> list[Summary]:
        return [summary for line in self.lines.values() for summary in line]

    def line(self, backend: str) -> list[Summary]:
        """Return the cases that a backend's line goes through, without neighbours of nearly the
        same rate. Where some have several windows, those with one are left out: a line through them
        would show their chance."""
        every = self.lines[backend]
        kept: list[Summary] = []
        for summary in [s for s in every if len(s.rounds) > 1] or every:
            if not kept or (summary.case.rate or 1) >= _CLOSE * (kept[-1].case.rate or 1):
                kept.append(summary)
            elif len(summary.rounds) > len(kept[-1].rounds):
                kept[-1] = summary
        return kept


def by_rate(selection: Selection) -> list[ByRate]:
    """Return each kind of work that was measured at several rates, in the order of the charts."""
    kinds: dict[Case, dict[str, list[Summary]]] = {}
    for summary in selection.ordered(_measured(selection)):
        kind = replace(summary.case, backend="", loop="asyncio", connect="", rate=None)
        kinds.setdefault(kind, {}).setdefault(summary.case.backend, []).append(summary)
    found = [
        ByRate(kind, {n: _in_order(line) for n, line in of.items()}) for kind, of in kinds.items()
    ]
    return [of for of in found if len({s.case.rate for s in of.summaries}) > 1]


def _measured(selection: Selection) -> Iterable[Summary]:
    """Return the cases with rounds; of a backend that connects in several ways, the first."""
    ways: dict[str, str] = {}
    for summary in selection.at_rate:
        ways.setdefault(summary.case.backend, summary.case.connect)
    return [s for s in selection.at_rate if s.rounds and s.case.connect == ways[s.case.backend]]


def _in_order(line: list[Summary]) -> list[Summary]:
    return sorted(line, key=lambda summary: summary.case.rate or 0)
