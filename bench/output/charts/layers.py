"""The price of layers: driver, Core and ORM, with the driver held constant."""

from collections.abc import Iterable, Iterator, Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis.look import DRIVERS, LAYERS, Look
from bench.analysis.selection import Selection, busiest
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.uncertain import drawn, marked, note
from bench.analysis.wording import asked, conditions
from bench.model.units import RATES, TIMES, Unit, number, unit_of, with_unit
from bench.output.charts import axes as draw
from bench.output.charts import style
from bench.output.charts.page import page
from bench.output.palette import GREY

Bar = tuple[Interval, str, bool]
"""The interval of a bar, its label, and whether operations failed."""


def figures(selection: Selection) -> Iterator[tuple[str, Figure]]:
    """Yield the name and the chart of each workload that was measured in several layers."""
    for workload in selection.workloads:
        measured = [summary for summary in selection.alike(workload) if summary.client_cpu_ns]
        if not measured:
            continue
        concurrency = busiest(measured)
        measured = [summary for summary in measured if summary.case.concurrency == concurrency]
        layered = [
            summary for summary in measured if selection.looks[summary.case.backend].layer in LAYERS
        ]
        if len(selection.layers(layered)) > 1:
            yield f"layers-{workload}", _figure(selection, layered, measured)


def _figure(selection: Selection, layered: list[Summary], measured: list[Summary]) -> Figure:
    case = layered[0].case
    families: dict[tuple[str, str], list[Summary]] = {}
    for summary in sorted(
        layered, key=lambda summary: _family_place(selection.looks[summary.case.backend])
    ):
        look = selection.looks[summary.case.backend]
        families.setdefault((look.driver, look.mode), []).append(summary)
    looks = [
        selection.looks[summary.case.backend] for family in families.values() for summary in family
    ]
    figure, grid = page(
        selection,
        f"The price of layers: {case.workload}, at concurrency {case.concurrency}",
        f"{asked(case.workload)}; {conditions(case)}. Within a group the driver is the same. "
        "In brackets: the CPU time that a layer adds to its driver's, and its share of its "
        f"driver's throughput.{_of_overhead(selection, measured)}{note(layered)}",
        height=draw.ROW_IN * (len(looks) + 1.3 * len(families) + 0.3),
        columns=2,
        left=1.75,
        gap=0.45,
        right=0.3,
        legend=style.sync_async_key(),
        failed=selection.marked(layered[0].case.workload),
    )
    costs, rates = grid[0]
    groups = {
        f"{driver}, {'tasks' if mode == 'async' else 'threads'}": [
            summary.case.backend for summary in family
        ]
        for (driver, mode), family in families.items()
    }
    places = draw.rows_by_group([costs, rates], groups)
    styles = {look.name: style.bar_style(look, selection) for look in looks}
    unit = unit_of(
        (summary.client_cpu_ns.median for summary in layered if summary.client_cpu_ns), TIMES
    )
    cpu, throughput = _bars(selection, families.values(), unit)
    draw.linear_axis(costs.xaxis, draw.end_for_labels(costs, cpu.values()), (Unit("", unit.size),))
    draw.linear_axis(rates.xaxis, draw.end_for_labels(rates, throughput.values()), RATES)
    draw.bars(costs, places, cpu, styles)
    draw.bars(rates, places, throughput, styles)
    costs.set_xlabel(f"client CPU per operation ({unit.symbol})")
    rates.set_xlabel("operations/s")
    _mark_overhead(selection, measured, costs, places)
    return figure


def _bars(
    selection: Selection, families: Iterable[list[Summary]], unit: Unit
) -> tuple[dict[str, Bar], dict[str, Bar]]:
    """Return the bars of CPU time and of throughput, by backend."""
    cpu: dict[str, Bar] = {}
    throughput: dict[str, Bar] = {}
    for family in families:
        bases = (s for s in family if selection.looks[s.case.backend].layer == "driver")
        base = next(bases, None)
        for summary in family:
            above = None if summary is base else base
            if (cpu_ns := summary.client_cpu_ns) and (rate := summary.throughput_per_s):
                name = summary.case.backend
                added, kept = _added(cpu_ns, above, unit), _kept(rate, above)
                label = marked(summary, rate, with_unit(rate.median, RATES))
                cpu[name] = (cpu_ns, unit.text(cpu_ns.median) + added, summary.marked)
                throughput[name] = (drawn(summary, rate), label + kept, summary.marked)
    return cpu, throughput


def _added(cpu_ns: Interval, base: Summary | None, unit: Unit) -> str:
    """Return the CPU time that a layer adds to its driver's, in brackets; empty for a driver."""
    if base is None or not base.client_cpu_ns:
        return ""
    added = (cpu_ns.median - base.client_cpu_ns.median) / unit.size
    return f"  ({'+' if added >= 0 else '−'}{number(abs(added))})"  # noqa: RUF001


def _kept(rate: Interval, base: Summary | None) -> str:
    """Return a layer's share of its driver's throughput, in brackets; empty for a driver."""
    if base is None or not base.throughput_per_s or not base.throughput_per_s.median:
        return ""
    return f"  ({rate.median / base.throughput_per_s.median:.0%})"


def _mark_overhead(
    selection: Selection,
    measured: list[Summary],
    costs: Axes,
    places: Mapping[str, float],
) -> None:
    """Mark the overhead of the harness in each row: threads and tasks have different ones."""
    overheads = _overheads(selection, measured)
    for name, place in places.items():
        if overhead := overheads.get(selection.looks[name].mode):
            costs.vlines(overhead, place - 0.5, place + 0.5, color=GREY, lw=1.4, zorder=6)


def _overheads(selection: Selection, measured: list[Summary]) -> dict[str, float]:
    """Return mode -> the client CPU time of its null backend."""
    looks = selection.looks
    return {
        looks[summary.case.backend].mode: summary.client_cpu_ns.median
        for summary in measured
        if looks[summary.case.backend].null and summary.client_cpu_ns
    }


def _of_overhead(selection: Selection, measured: list[Summary]) -> str:
    """Return a sentence on the grey lines; empty without null backends."""
    words = {"sync": "in threads", "async": "in tasks"}
    parts = [
        f"{with_unit(overhead, TIMES)} {words[mode]}"
        for mode, overhead in _overheads(selection, measured).items()
    ]
    return f" Grey lines: the harness's overhead (null), {', '.join(parts)}." if parts else ""


def _family_place(look: Look) -> tuple[int, str, bool, int]:
    driver = DRIVERS.index(look.driver) if look.driver in DRIVERS else len(DRIVERS)
    return driver, look.driver, look.mode == "async", LAYERS.index(look.layer)
