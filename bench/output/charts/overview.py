"""The first chart: the client CPU time of a point read, and point reads per second."""

from collections.abc import Iterator

from matplotlib.figure import Figure

from bench.analysis.selection import Selection
from bench.analysis.uncertain import drawn, marked, note
from bench.analysis.wording import conditions
from bench.model.units import RATES, TIMES, Unit, unit_of, with_unit
from bench.output.charts import axes as draw
from bench.output.charts import style
from bench.output.charts.page import page

POINT_READ = "get_total_cost_of_an_order"
SIZE = 13


def figures(selection: Selection) -> Iterator[tuple[str, Figure]]:
    """Yield the name and the chart of the point read, or else of the first workload."""
    for workload in sorted(selection.workloads, key=lambda workload: workload != POINT_READ):
        measured = [summary for summary in selection.alike(workload) if summary.client_cpu_ns]
        if measured:
            yield "overview", _figure(selection, workload)
            return


def _figure(selection: Selection, workload: str) -> Figure:
    measured = [summary for summary in selection.alike(workload) if summary.client_cpu_ns]
    concurrency = max(summary.case.concurrency for summary in measured)
    measured = [summary for summary in measured if summary.case.concurrency == concurrency]
    looks = [selection.looks[summary.case.backend] for summary in measured]
    what = "a point read" if workload == POINT_READ else workload
    clients = "one task or thread" if concurrency == 1 else f"{concurrency} tasks or threads"
    figure, grid = page(
        selection,
        f"The cost of {what} with {clients}",
        f"{workload}: {conditions(measured[0].case)}."
        + (" null shows the harness's overhead." if any(look.null for look in looks) else "")
        + note(measured),
        height=draw.rows_height(looks, 0.34),
        columns=2,
        left=2.3,
        gap=0.35,
        right=0.75,
        bottom=0.65,
        legend=style.sync_async_key(),
        failed=selection.marked(measured[0].case.workload),
        size=SIZE,
    )
    costs, rates = grid[0]
    places = draw.rows_by_layer(grid[0], looks, SIZE)
    cpu = {s.case.backend: s.client_cpu_ns for s in measured if s.client_cpu_ns}
    unit = unit_of((interval.median for interval in cpu.values()), TIMES)
    rated = {s.case.backend: (s, s.throughput_per_s) for s in measured if s.throughput_per_s}
    throughput = {name: drawn(*pair) for name, pair in rated.items()}
    labels = {
        name: marked(summary, rate, with_unit(rate.median, RATES))
        for name, (summary, rate) in rated.items()
    }
    failed = {summary.case.backend for summary in measured if summary.marked}
    draw.linear_axis(costs.xaxis, draw.highest(selection, cpu), (Unit("", unit.size),), room=5)
    draw.linear_axis(rates.xaxis, draw.highest(selection, throughput), RATES, room=4)
    styles = {look.name: style.bar_style(look, selection) for look in looks}
    cost_bars = {n: (cost, unit.text(cost.median), n in failed) for n, cost in cpu.items()}
    rate_bars = {n: (rate, labels[n], n in failed) for n, rate in throughput.items()}
    draw.bars(costs, places, cost_bars, styles, size=SIZE - 1)
    draw.bars(rates, places, rate_bars, styles, size=SIZE - 1)
    costs.set_xlabel(f"client CPU per operation ({unit.symbol})")
    rates.set_xlabel("operations/s")
    for panel in grid[0]:
        panel.tick_params(labelsize=SIZE)
        panel.xaxis.label.set_fontsize(SIZE)
    return figure
