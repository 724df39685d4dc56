"""Throughput against the latency of the network, and each backend's share of the best."""

from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.analysis.figure import THROUGHPUT
from bench.analysis.ratios import ratio_of_rounds
from bench.analysis.selection import Selection
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.wording import asked, conditions
from bench.output.charts.step_panels import (
    MOST_ROWS,
    Points,
    draw_lines,
    name_lines,
    rates_axis,
    step_page,
)
from bench.output.ticks import farthest
from bench.results.file import Results
from bench.studies.network.by_latency import AtLink, ByLatency, by_latency

_SEEN_ABOVE = 1.005
"""The share from which a text of a whole percentage is above 100 %."""


def figures(
    _: Results, __: Sequence[Summary], selection: Selection
) -> Iterator[tuple[str, Figure]]:
    """Yield a chart for each workload that was measured over several links."""
    by_workload: dict[str, list[ByLatency]] = {}
    for measured in by_latency(selection):
        by_workload.setdefault(measured.kind.workload, []).append(measured)
    for workload, kinds in by_workload.items():
        alike = [of for of in kinds if _plain(of) == _plain(kinds[0])]
        yield f"latency-to-server-{workload}", _figure(selection, workload, _ends(alike))


def _plain(measured: ByLatency) -> str:
    return conditions(measured.kind)


def _ends(kinds: list[ByLatency]) -> list[ByLatency]:
    """Return up to three concurrencies: the lowest, one in the middle and the highest."""
    ordered = sorted(kinds, key=lambda of: of.kind.concurrency)
    if len(ordered) <= MOST_ROWS:
        return ordered
    return [ordered[0], ordered[len(ordered) // 2], ordered[-1]]


def _figure(selection: Selection, workload: str, kinds: Sequence[ByLatency]) -> Figure:
    figure, grid = step_page(
        selection,
        f"A network between: {workload}",
        f"{asked(workload)}; {_plain(kinds[0])}. A proxy on the same machine delays every message"
        " by half the latency each way. Left: operations per second, on a logarithmic scale."
        " Right: each backend's share of the best at that latency, from paired rounds. Bands are"
        f" intervals.{_of_above(kinds)}",
        workload,
        names={s.case.backend for of in kinds for at in of.links for s in at.summaries},
        rows=len(kinds),
    )
    for of, (rates, shares) in zip(kinds, grid, strict=True):
        steps = ["none" if at.link.is_direct else str(at.link) for at in of.links]
        draw_lines(selection, rates, _rates(of), steps)
        rates_axis(rates, of.kind.concurrency, (s for at in of.links for s in at.summaries))
        share = _shares(of)
        draw_lines(selection, shares, share, steps)
        shares.set_ylabel("share of the best")
        # The best has the highest median; by paired rounds another one may still be above it.
        highest = farthest([point[1] for points in share.values() for point in points])
        shares.set_ylim(0, 1.05 * max(1.03, highest))
        shares.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:.0f} %"))
        name_lines(selection, shares, share)
        if of is kinds[-1]:
            for panel in (rates, shares):
                panel.set_xlabel("latency to the server (a round trip)")
    return figure


def _of_above(kinds: Sequence[ByLatency]) -> str:
    """Return why a share is above 100 %; empty if none is."""
    shares = (point[1].median for of in kinds for line in _shares(of).values() for point in line)
    if not any(share > _SEEN_ABOVE for share in shares):
        return ""
    return (
        " Above 100 %: the best is the backend with the highest median over rounds; compared round"
        " by round, another one is a little faster."
    )


def _rates(of: ByLatency) -> Points:
    points: Points = {}
    for place, at in enumerate(of.links):
        for summary in at.summaries:
            if summary.throughput_per_s:
                point = (place, summary.throughput_per_s, False)
                points.setdefault(summary.case.backend, []).append(point)
    return points


def _shares(of: ByLatency) -> Points:
    points: Points = {}
    for place, at in enumerate(of.links):
        for summary in at.summaries:
            if share := _share(summary, at):
                points.setdefault(summary.case.backend, []).append((place, share, False))
    return points


def _share(summary: Summary, at: AtLink) -> Interval | None:
    return ratio_of_rounds(summary.by_round(THROUGHPUT), at.best.by_round(THROUGHPUT))
