"""The report of several runs: what differs in them, and in where they were measured."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.analysis.findings.between import Change, between, changes
from bench.analysis.ratios import ENOUGH_ROUNDS
from bench.analysis.selection import Selection, select
from bench.analysis.summary import Summary, summarise
from bench.analysis.wording import asked
from bench.model.case import Case
from bench.model.errors import UsageError
from bench.model.units import RATES, Unit, with_unit
from bench.output.report import REPORT_FILE, facts
from bench.output.report.cases import anchors
from bench.output.report.figures import Chart
from bench.output.report.rows_panel import Entry, rows_panel
from bench.output.report.single import AT_FIRST, backends
from bench.output.report.template import render_page
from bench.results.file import RUN_FILE, Results
from bench.system.output_files import link


@dataclass(frozen=True)
class Compared:
    """One of the runs. The first is what all others are held against."""

    name: str
    results: Results
    summaries: list[Summary]
    selection: Selection
    anchors: dict[Case, str]
    """Of its cases in its own report."""
    facts: dict[str, str]
    report: str
    """Link to its own report."""
    raw: str
    """Link to its raw file."""


@dataclass(frozen=True)
class ComparisonLine:
    """A case in all runs that have it."""

    summary: Summary
    values: list[str]
    """Throughput with its interval, a run each; a dash where it was not measured."""
    changes: list[Change | None]
    """A later run each."""


def render(runs: Sequence[Results], into: Path) -> str:
    """The page as HTML; its links are relative to the folder of `into`."""
    names = _names(runs)
    compared = [_compared(each, name, into.parent) for each, name in zip(runs, names, strict=True)]
    base, *others = compared
    found = {each.name: changes(base.summaries, each.summaries) for each in others}
    both = {s.case: s for each in reversed(compared) for s in each.summaries if s.rounds}
    described = {k: v for each in compared for k, v in each.results.header.backends.items()}
    header = replace(base.results.header, backends=described, plan=tuple(both))
    selection = select(Results(into.parent, header), list(both.values()))
    sentences = [one for each in others for one in between(found[each.name], base.name, each.name)]
    return render_page(
        "comparison.html.j2",
        title=" and ".join(names) if len(names) == 2 else ", ".join(names),
        runs=compared,
        unlike=unlike(compared),
        lead=sentences[:AT_FIRST],
        more=sentences[AT_FIRST:],
        backends=backends(selection),
        charts=_charts(found, selection),
        tables=_tables(compared, found, selection),
        enough_rounds=ENOUGH_ROUNDS,
        selection=selection,
        anchors=anchors(header.plan),
    )


def check(runs: Sequence[Results]) -> None:
    """Raises `UsageError` for runs of different rows: they did other work, not faster work."""
    first, *others = runs
    for other in others:
        one, another = first.header.dataset, other.header.dataset
        if one.content != another.content:
            raise UsageError(
                f"{first.folder} and {other.folder} measured different rows "
                f"({one.in_words}; {another.in_words}).\n"
                "Measure both with the same --scale and --seed to compare them."
            )


def file_name(runs: Sequence[Results]) -> str:
    """`a-vs-b.html`."""
    return f"{'-vs-'.join(each.folder.resolve().name for each in runs)}.html"


def unlike(compared: Sequence[Compared]) -> list[str]:
    """The facts in which the runs differ and should not, where only one thing is to be compared."""
    names = [
        name for name in compared[0].facts if name not in ("Measured", "Not measured", "Verified")
    ]
    return [name for name in names if len({each.facts.get(name) for each in compared}) > 1]


def _compared(results: Results, name: str, folder: Path) -> Compared:
    summaries = summarise(results)
    selection = select(results, summaries)
    way = Path(os.path.relpath(results.folder, folder)).parts
    said = facts.facts(results, selection)
    return Compared(
        name,
        results,
        summaries,
        selection,
        anchors(results.header.plan),
        {**said, "Command": results.header.command or ""},
        link(*way, REPORT_FILE),
        link(*way, RUN_FILE),
    )


def _names(runs: Sequence[Results]) -> list[str]:
    """Short and different: labels, or else folders' names, or with the folders above."""
    names = [each.header.label or "" for each in runs]
    if not all(names) or len(set(names)) < len(names):
        names = [each.folder.resolve().name for each in runs]
    if len(set(names)) < len(names):
        names = ["/".join(each.folder.resolve().parts[-2:]) for each in runs]
    if len(set(names)) < len(names):
        names = [f"{place}: {name}" for place, name in enumerate(names, start=1)]
    return names


def _charts(found: dict[str, list[Change]], selection: Selection) -> list[Chart]:
    charts = []
    for workload in selection.workloads:
        panels = []
        for name, each in found.items():
            groups: dict[str, list[Entry]] = {}
            for change in each:
                if change.case.workload == workload and change.judged:
                    entry = Entry(change.later, change.case.backend, change.judged.ratio)
                    groups.setdefault(_conditions(change.case), []).append(entry)
            panel = rows_panel(
                f"{name}: throughput, ratio to the first run",
                (Unit("", 1),),
                groups,
                selection,
                ratio=True,
            )
            panels += [panel] if panel else []
        words = f"{asked(workload)}. Right of the line the later run is faster than the first."
        title = f"From run to run: {workload}"
        charts.append(Chart(f"change-{workload}", title, words, panels, True))
    return [chart for chart in charts if chart.panels]


def _tables(
    compared: Sequence[Compared], found: dict[str, list[Change]], selection: Selection
) -> dict[str, list[ComparisonLine]]:
    measured = [{s.case: s for s in each.summaries if s.rounds} for each in compared]
    changed = [{each.case: each for each in own} for own in found.values()]
    tables: dict[str, list[ComparisonLine]] = {}
    for summary in selection.summaries:
        case = summary.case
        line = ComparisonLine(
            summary,
            [_value(run.get(case)) for run in measured],
            [run.get(case) for run in changed],
        )
        title = f"{case.workload}, {_conditions(case)}"
        tables.setdefault(title, []).append(line)
    return tables


def _conditions(case: Case) -> str:
    """All of a case but backend and workload, in words."""
    plain = replace(case, backend="", workload="", loop="asyncio")
    return plain.title.removeprefix(", , ")


def _value(summary: Summary | None) -> str:
    value = summary.throughput_per_s if summary else None
    if value is None:
        return "-"
    spread = f" ±{value.relative:.0%}" if value.relative is not None else ""
    return f"{with_unit(value.median, RATES)}{spread}"
