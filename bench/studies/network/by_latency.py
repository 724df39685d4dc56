"""Cases that differ in their link alone, side by side: for the chart and for the findings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.analysis.findings.judge import Judgement, judge
from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.model.case import Case
from bench.model.link import Link

CLOSE = 1.10
"""Two backends are close if their throughputs differ by no more than this factor."""


@dataclass(frozen=True)
class AtLink:
    """The backends over one link."""

    link: Link
    summaries: tuple[Summary, ...]

    @property
    def best(self) -> Summary:
        """The backend with the highest throughput."""
        return max(self.summaries, key=lambda summary: summary.median_per_s)

    @property
    def worst(self) -> Summary:
        """The backend with the lowest throughput."""
        return min(self.summaries, key=lambda summary: summary.median_per_s)

    def spread(self, selection: Selection) -> Judgement | None:
        """Return the ratio of the best throughput to the worst; None if it is not known."""
        return judge(self.best, self.worst, selection.floor)


@dataclass(frozen=True)
class ByLatency:
    """One kind of work over several links, from the shortest latency to the longest."""

    kind: Case
    """The case without backend and link."""
    links: tuple[AtLink, ...]

    def among(self, names: Sequence[str]) -> "ByLatency | None":
        """Return the same with these backends only; None if fewer than two are left."""
        links = tuple(
            AtLink(at.link, tuple(s for s in at.summaries if s.case.backend in names))
            for at in self.links
        )
        return ByLatency(self.kind, links) if all(len(at.summaries) > 1 for at in links) else None

    def close_from(self, selection: Selection) -> Link | None:
        """Return the shortest link from which on all backends are close; None if there is none."""
        close: Link | None = None
        for at in reversed(self.links):
            spread = at.spread(selection)
            if spread is None or spread.ratio.median > CLOSE:
                break
            close = at.link
        return close


def by_latency(selection: Selection) -> list[ByLatency]:
    """Return each kind of work that several backends did over several links.

    Only backends that were measured over every link, and without a failure, are compared.
    """
    kinds: dict[Case, dict[Link, list[Summary]]] = {}
    for summary in selection.summaries:
        if summary.throughput_per_s and not summary.marked:
            kind = replace(summary.case, backend="", loop="asyncio", link=Link())
            kinds.setdefault(kind, {}).setdefault(summary.case.link, []).append(summary)
    found = (_complete(kind, of_links) for kind, of_links in kinds.items() if len(of_links) > 1)
    return [of_kind for of_kind in found if of_kind]


def _complete(kind: Case, of_links: dict[Link, list[Summary]]) -> ByLatency | None:
    names = set.intersection(*({s.case.backend for s in of} for of in of_links.values()))
    if len(names) < 2:
        return None
    return ByLatency(
        kind,
        tuple(
            AtLink(link, tuple(s for s in of_links[link] if s.case.backend in names))
            for link in sorted(of_links, key=lambda link: link.order)
        ),
    )
