"""Event loops, states of the allocator and ways to connect: bars beside each other."""

from collections.abc import Iterator

from matplotlib.figure import Figure

from bench.analysis.beside import SETTINGS, Beside, beside
from bench.analysis.selection import Selection
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.uncertain import drawn, marked, note
from bench.analysis.verdict import Verdict
from bench.analysis.wording import asked, conditions
from bench.model.units import RATES, with_unit
from bench.output.charts import axes as draw
from bench.output.charts import style
from bench.output.charts.page import page, width_in

_MOST_LEFT_IN = 3.6
"""The most room for the names of rows: a longer one would leave no bars."""


def figures(selection: Selection) -> Iterator[tuple[str, Figure]]:
    """Yield the name and the chart of each workload that has several values of a setting."""
    for factor in SETTINGS:
        for workload in selection.workloads:
            if found := beside(selection, workload, factor):
                yield f"{factor}-{workload}", _figure(selection, workload, factor, found)


def _figure(selection: Selection, workload: str, factor: str, found: list[Beside]) -> Figure:
    title, explanation = SETTINGS[factor]
    case = found[0].base.case
    concurrencies = sorted({of.base.case.concurrency for of in found})
    groups: dict[str, dict[str, str]] = {}
    for of in found:
        rows = groups.setdefault(of.base.case.backend, {})
        rows |= {_row(of, summary): of.value(summary) for summary in of.summaries}
    labels = {row: label for rows in groups.values() for row, label in rows.items()}
    widths = [width_in(label, 10) for label in labels.values()]
    widths += [width_in(backend, 10, "bold") for backend in groups]
    summaries = [summary for of in found for summary in of.summaries]
    figure, grid = page(
        selection,
        f"{title}: {workload}",
        f"{asked(workload)}; {conditions(case, factor)}. {explanation} In brackets: the throughput"
        f" over that of the first bar, from paired rounds; ?: no difference is shown."
        f"{note(summaries)}",
        height=draw.ROW_IN * (len(labels) + 1.3 * len(groups) + 0.3),
        columns=len(concurrencies),
        left=min(_MOST_LEFT_IN, max(widths) + 0.3),
        gap=0.45,
        titled=True,
        beside=factor,
        failed=[summary for summary in summaries if summary.marked],
    )
    panels = grid[0]
    places = draw.rows_by_group(panels, {name: list(rows) for name, rows in groups.items()}, labels)
    for panel, concurrency in zip(panels, concurrencies, strict=True):
        panel.set_title(f"{concurrency} client{'s' * (concurrency > 1)}")
        panel.set_xlabel("operations/s")
        bars: dict[str, tuple[Interval, str, bool]] = {}
        styles = {}
        for of in found:
            look = selection.looks[of.base.case.backend]
            for summary in of.summaries if of.base.case.concurrency == concurrency else ():
                assert summary.throughput_per_s
                rate = summary.throughput_per_s
                label = marked(summary, rate, with_unit(rate.median, RATES))
                label += _ratio(of.compared(summary, selection.floor))
                bars[_row(of, summary)] = (drawn(summary, rate), label, summary.marked)
                styles[_row(of, summary)] = style.bar_style(look, selection)
        draw.linear_axis(panel.xaxis, draw.end_for_labels(panel, bars.values()), RATES, room=3)
        draw.bars(panel, places, bars, styles)
    return figure


def _ratio(verdict: Verdict | None) -> str:
    """Return the ratio in brackets, with a question mark if it may be chance or noise."""
    if verdict is None or verdict.ratio is None:
        return ""
    sure = "" if verdict.word in ("faster", "slower") else "?"
    return f"  ({verdict.ratio.median:.2f}x{sure})"


def _row(of: Beside, summary: Summary) -> str:
    """Return the key of a row: a value occurs under every backend."""
    return f"{of.base.case.backend}\n{of.value(summary)}"
