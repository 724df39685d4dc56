"""Latency against the arrival rate, up to the knee: p50 and p99 of the response."""

from collections.abc import Iterator, Sequence
from math import log

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from bench.analysis.selection import Selection
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.wording import asked, conditions
from bench.model.units import RATES, TIMES, with_unit
from bench.output.charts import axes as draw
from bench.output.charts import style
from bench.output.charts.page import page
from bench.output.palette import hue
from bench.output.ticks import extents
from bench.results.file import Results
from bench.studies.saturation.answers import Answer, answers
from bench.studies.saturation.by_rate import ByRate, by_rate
from bench.studies.saturation.words import in_processes

_QUANTILES = ("p50", "p99")
_CROSSES = 0.055
"""The height of a row of crosses, as a share of the panel."""
_FEW_RATES = 6
"""Up to so many rates, each has a tick; a search has more."""
_LABELS = 8
"""The most labels of rates that fit side by side."""

Points = list[tuple[int, Interval, bool]]
"""Rate, interval, whether operations failed."""


def figures(
    results: Results, summaries: Sequence[Summary], selection: Selection
) -> Iterator[tuple[str, Figure]]:
    """Yield a chart for each kind of work that was measured at several rates."""
    found = answers(results, summaries)
    seen: dict[str, int] = {}
    for measured in by_rate(selection):
        kind = measured.kind
        name = f"latency-by-rate-{kind.workload}-{kind.concurrency}"
        name += f"-in-{kind.processes}-processes" if kind.processes > 1 else ""
        seen[name] = seen.get(name, 0) + 1
        more = f"-{seen[name]}" if seen[name] > 1 else ""
        yield name + more, _figure(selection, measured, found)


def _figure(selection: Selection, measured: ByRate, found: Sequence[Answer]) -> Figure:
    kind = measured.kind
    clients = f"{kind.concurrency} client{'s' * (kind.concurrency > 1)}"
    looks = [selection.looks[name] for name in selection.looks if name in measured.lines]
    pattern = "at equal times" if kind.arrivals == "uniform" else "at random times (Poisson)"
    words = conditions(kind, "rate", "processes")
    subtitle = (
        f"{asked(kind.workload)}; {words}. Operations arrive {pattern}, and up to {clients}"
        f"{in_processes(kind)} serve them. Response: from the intended start to the end, with"
        " the wait for a free client. Bands are intervals."
    )
    if not all(summary.held for summary in measured.summaries):
        subtitle += " Crosses, a row for each backend: rates that were not held."
    if found:
        subtitle += " A ring: the highest rate within the objective. A dot: a single window."
    figure, [panels] = page(
        selection,
        f"Latency against the arrival rate: {kind.workload}",
        subtitle,
        height=3.9,
        columns=2,
        gap=0.75,
        right=1.75,
        legend=style.key(
            selection, sorted(looks, key=lambda look: look.mode != "sync"), layered=True
        ),
        legend_columns=3,
        failed=[summary for summary in measured.summaries if summary.marked],
        titled=True,
    )
    for quantile, panel in zip(_QUANTILES, panels, strict=True):
        _panel(panel, quantile, selection, measured, found)
    return figure


def _panel(
    panel: Axes, quantile: str, selection: Selection, measured: ByRate, found: Sequence[Answer]
) -> None:
    panel.set_title(f"{quantile} of the response")
    rates = [float(summary.case.rate or 1) for summary in measured.summaries]
    spans = list(extents(s.latency_ns.get(quantile) for s in measured.summaries))
    objective_ns = found[0].objective_ns if found and quantile == "p99" else None
    draw.log_axis(panel.xaxis, rates, RATES, room=6, pad=1.15)
    if len(set(rates)) <= _FEW_RATES:
        panel.xaxis.set_major_locator(FixedLocator(_far_apart(rates)))
    draw.log_axis(panel.yaxis, [*spans, *([objective_ns] if objective_ns else [])], TIMES, room=7)
    rows = _rows_of_crosses(panel, measured)
    panel.set_xlabel("arrivals/s")
    if objective_ns:
        panel.axhline(objective_ns, color=style.MUTED, lw=1.1, ls=":")
        panel.annotate(
            f"objective {with_unit(objective_ns, TIMES)}",
            (0.01, objective_ns),
            (0, 3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            size=9,
            color=style.MUTED,
            zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
        )
    ends: list[tuple[float, str, str]] = []
    for name, line in measured.lines.items():
        look = selection.looks[name]
        drawn = measured.line(name)
        points = [
            (s.case.rate or 1, interval, s.marked)
            for s in drawn
            if (interval := s.latency_ns.get(quantile))
        ]
        for single in line:
            left_out = single not in drawn and len(single.rounds) == 1
            if left_out and (interval := single.latency_ns.get(quantile)):
                panel.plot(
                    single.case.rate or 1,
                    interval.median,
                    ".",
                    color=hue(look, selection.looks),
                    alpha=0.5,
                )
        missed = [s.case.rate or 1 for s in line if not s.held]
        for part in _between(points, missed):
            draw.curve(panel, part, style.line_style(look, selection))
        colour = hue(look, selection.looks)
        if points:
            ends.append((points[-1][1].median, name, colour))
        if missed:
            panel.plot(missed, [rows[name]] * len(missed), "x", color=colour, ms=7, mew=1.8)
            ends.append((rows[name], f"\N{MULTIPLICATION SIGN} {name}", colour))
    for answer in found:
        interval = answer.held.latency_ns.get(quantile) if answer.held else None
        if interval and answer.rate and answer.backend in measured.lines:
            panel.plot([answer.rate], [interval.median], **style.RING)
    if quantile == _QUANTILES[-1]:
        draw.end_labels(panel, ends, gap=0.06)


def _rows_of_crosses(panel: Axes, measured: ByRate) -> dict[str, float]:
    """Make room above the values for a row of crosses for each backend that missed a rate.

    Returns backend -> the height of its row.
    """
    missing = [name for name, line in measured.lines.items() if not all(s.held for s in line)]
    low, high = panel.get_ylim()
    share = _CROSSES * (len(missing) + 0.5 * bool(missing))
    top = low * (high / low) ** (1 / (1 - share))
    panel.set_ylim(low, top)
    if missing:
        panel.axhline(high, color=style.GRID, lw=0.8)
    heights = (1 - _CROSSES * (place + 0.6) for place in range(len(missing)))
    return {
        name: low * (top / low) ** height for name, height in zip(missing, heights, strict=True)
    }


def _between(points: Points, missed: Sequence[int]) -> list[Points]:
    """Return the points in parts that no missed rate lies between: a line must not cross one."""
    parts: list[Points] = []
    for point in points:
        last = parts[-1][-1][0] if parts else None
        if last is None or any(last < rate < point[0] for rate in missed):
            parts.append([])
        parts[-1].append(point)
    return parts


def _far_apart(rates: Sequence[float]) -> list[float]:
    """Return the rates without those whose labels would lie over that of a lower one."""
    span = log(max(rates) / min(rates)) or 1.0
    kept: list[float] = []
    for rate in sorted(set(rates)):
        if not kept or log(rate / kept[-1]) / span > 1 / _LABELS:
            kept.append(rate)
    return kept
