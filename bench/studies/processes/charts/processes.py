"""Throughput against the number of processes, at the same total of clients."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.analysis.figure import THROUGHPUT
from bench.analysis.ratios import ratio_of_rounds
from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.analysis.wording import asked, conditions
from bench.output.charts import style
from bench.output.charts.step_panels import (
    MOST_ROWS,
    Points,
    draw_lines,
    name_lines,
    rates_axis,
    step_page,
)
from bench.results.file import Results
from bench.studies.processes.by_processes import ByProcesses, by_processes


def figures(
    _: Results, __: Sequence[Summary], selection: Selection
) -> Iterator[tuple[str, Figure]]:
    """Yield a chart for each workload that was measured in one process and in several."""
    by_workload: dict[str, list[ByProcesses]] = {}
    for measured in by_processes(selection):
        by_workload.setdefault(measured.kind.workload, []).append(measured)
    for workload, kinds in by_workload.items():
        # Kinds that differ in their number of clients alone, beside the plainest.
        first = replace(kinds[0].kind, concurrency=0)
        alike = [of for of in kinds if replace(of.kind, concurrency=0) == first]
        alike.sort(key=lambda of: of.kind.concurrency)
        yield f"processes-{workload}", _figure(selection, workload, alike[-MOST_ROWS:])


def _figure(selection: Selection, workload: str, kinds: Sequence[ByProcesses]) -> Figure:
    gil = "without the GIL" if selection.header.environment.gil is False else "with the GIL"
    cores = selection.header.environment.host.cores
    figure, grid = step_page(
        selection,
        f"More processes: {workload}",
        f"{asked(workload)}; {conditions(kinds[0].kind)}. The same number of clients, shared by"
        f" more and more worker processes, each a Python {gil}"
        f"{f', on {cores} cores' if cores else ''}. Left: operations per second of all processes,"
        " on a logarithmic scale. Right: the same over one process, from paired rounds; the dashed"
        " line is in proportion to the processes.",
        workload,
        names={name for of in kinds for name in of.backends},
        rows=len(kinds),
    )
    for of, (rates, gains) in zip(kinds, grid, strict=True):
        draw_lines(selection, rates, _rates(of), _steps(of))
        summaries = [summary for by in of.backends.values() for summary in by.values()]
        rates_axis(rates, of.kind.concurrency, summaries)
        _gains_panel(selection, of, gains)
        if of is kinds[-1]:
            for panel in (rates, gains):
                panel.set_xlabel("worker processes")
    return figure


def _gains_panel(selection: Selection, of: ByProcesses, panel: Axes) -> None:
    gains = _gains(of)
    draw_lines(selection, panel, gains, _steps(of))
    fewest = of.processes[0]
    panel.plot(
        range(len(of.processes)),
        [number / fewest for number in of.processes],
        color=style.MUTED,
        linestyle=(0, (4, 3)),
        linewidth=1,
        zorder=1,
    )
    panel.set_ylabel("throughput over one process" if fewest == 1 else f"over {fewest} processes")
    highest = max((interval.high or interval.median
                   for line in gains.values() for _, interval, _ in line), default=1.0)  # fmt: skip
    panel.set_ylim(0, max(1.3, 1.1 * highest))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    name_lines(selection, panel, gains)


def _steps(of: ByProcesses) -> list[str]:
    return [str(number) for number in of.processes]


def _rates(of: ByProcesses) -> Points:
    return {
        name: [
            (of.processes.index(number), summary.throughput_per_s, False)
            for number, summary in by.items()
            if summary.throughput_per_s
        ]
        for name, by in of.backends.items()
    }


def _gains(of: ByProcesses) -> Points:
    points: Points = {}
    for name, by in of.backends.items():
        base = by.get(of.processes[0])
        for number, summary in by.items() if base else ():
            assert base is not None
            ratio = ratio_of_rounds(summary.by_round(THROUGHPUT), base.by_round(THROUGHPUT))
            if ratio:
                place = of.processes.index(number)
                points.setdefault(name, []).append((place, ratio, False))
    return points
