"""The price of layers: driver, Core and ORM, with the driver held constant."""

from collections.abc import Iterator

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis.look import DRIVERS, LAYERS, Look
from bench.analysis.selection import Selection, busiest
from bench.analysis.summary import Summary
from bench.analysis.wording import asked, conditions
from bench.model.units import RATES, TIMES, Unit, number, unit_of, with_unit
from bench.output.charts import axes as draw
from bench.output.charts import style
from bench.output.charts.page import page
from bench.output.palette import GREY
from bench.output.ticks import extents

ROOM = 1.34
"""The length of an axis divided by its longest bar: room for the bar's label."""


def figures(selection: Selection) -> Iterator[tuple[str, Figure]]:
    for workload in selection.workloads:
        measured = [each for each in selection.alike(workload) if each.client_cpu_ns]
        if not measured:
            continue
        concurrency = busiest(measured)
        measured = [each for each in measured if each.case.concurrency == concurrency]
        layered = [each for each in measured if selection.looks[each.case.backend].layer in LAYERS]
        if len(selection.layers(layered)) > 1:
            yield f"layers-{workload}", _figure(selection, layered, measured)


def _figure(selection: Selection, layered: list[Summary], measured: list[Summary]) -> Figure:
    case = layered[0].case
    families: dict[tuple[str, str], list[Summary]] = {}
    for each in sorted(layered, key=lambda each: _family_place(selection.looks[each.case.backend])):
        look = selection.looks[each.case.backend]
        families.setdefault((look.driver, look.colour), []).append(each)
    looks = [selection.looks[each.case.backend] for family in families.values() for each in family]
    figure, grid = page(
        selection,
        f"The price of layers: {case.workload}, at concurrency {case.concurrency}",
        f"{asked(case.workload)}; {conditions(case)}. Within a group the driver is the same. "
        "In brackets: the CPU time that a layer adds to its driver's, and its share of its "
        "driver's throughput.",
        height=draw.ROW_IN * (len(looks) + 1.3 * len(families) + 0.3),
        columns=2,
        titled=True,
        left=1.75,
        gap=0.3,
        right=0.3,
        legend=style.sync_async_key(),
        failed=selection.marked(layered[0].case.workload),
    )
    costs, rates = grid[0]
    groups = {
        f"{driver}, {'tasks' if colour == 'async' else 'threads'}": [
            selection.looks[each.case.backend] for each in family
        ]
        for (driver, colour), family in families.items()
    }
    places = draw.rows_by_group([costs, rates], groups)
    styles = {look.name: style.bar_style(look, selection) for look in looks}
    unit = unit_of((each.client_cpu_ns.median for each in layered if each.client_cpu_ns), TIMES)
    cpu, throughput = {}, {}
    for family in families.values():
        base = next((e for e in family if selection.looks[e.case.backend].layer == "driver"), None)
        for each in family:
            own, rate = each.client_cpu_ns, each.throughput_per_s
            if own is None or rate is None:
                continue
            label, kept = unit.text(own.median), with_unit(rate.median, RATES)
            if base is not None and base is not each and base.client_cpu_ns:
                added = (own.median - base.client_cpu_ns.median) / unit.size
                label += f"  ({'+' if added >= 0 else '−'}{number(abs(added))})"  # noqa: RUF001
                if base.throughput_per_s and base.throughput_per_s.median:
                    kept += f"  ({rate.median / base.throughput_per_s.median:.0%})"
            cpu[each.case.backend] = (own, label, each.marked)
            throughput[each.case.backend] = (rate, kept, each.marked)
    draw.linear_axis(
        costs.xaxis,
        ROOM * max(extents(own for own, _, _ in cpu.values())),
        (Unit("", unit.size),),
    )
    draw.linear_axis(
        rates.xaxis, ROOM * max(extents(rate for rate, _, _ in throughput.values())), RATES
    )
    draw.bars(costs, places, cpu, styles)
    draw.bars(rates, places, throughput, styles)
    costs.set_xlabel(f"client CPU per operation ({unit.symbol})")
    rates.set_xlabel("operations/s")
    _floor(selection, measured, costs)
    return figure


def _floor(selection: Selection, measured: list[Summary], costs: Axes) -> None:
    floors = [
        each.client_cpu_ns.median
        for each in measured
        if selection.looks[each.case.backend].null and each.client_cpu_ns
    ]
    if floors:
        costs.axvline(max(floors), color=GREY, lw=1.4, zorder=6)
        costs.set_title(
            f"grey line: the null backend, {with_unit(max(floors), TIMES)} of overhead",
            size=9,
            weight="normal",
            color=style.MUTED,
        )


def _family_place(look: Look) -> tuple[int, str, bool, int]:
    driver = DRIVERS.index(look.driver) if look.driver in DRIVERS else len(DRIVERS)
    return driver, look.driver, look.colour == "async", LAYERS.index(look.layer)
