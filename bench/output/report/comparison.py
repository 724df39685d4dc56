"""The report of several runs: the differences in their figures and in their environments."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.analysis.compare.cases import Change, MeasuredRun, RunsCompared, compare_cases
from bench.analysis.compare.comparable import obstacles
from bench.analysis.compare.comparison import measured_run
from bench.analysis.figure import FIGURES, Figure, usual_figure
from bench.analysis.findings.between import between
from bench.analysis.ratios import ENOUGH_ROUNDS
from bench.analysis.selection import Selection, select
from bench.analysis.stats import median_over_rounds
from bench.analysis.summary import Summary
from bench.analysis.wording import asked
from bench.model.case import Case
from bench.model.units import Unit, with_unit
from bench.output.report import REPORT_FILE, facts
from bench.output.report.cases import anchors
from bench.output.report.figures import Chart
from bench.output.report.rows_panel import Entry, rows_panel
from bench.output.report.single import AT_FIRST, backends
from bench.output.report.template import render_page
from bench.results.file import RUN_FILE, Results
from bench.system.output_files import link

_NAMES = re.compile(r""" --(label|out)[ =]('[^']*'|\S+)""")
"""The options of a command that only name its results."""


@dataclass(frozen=True)
class Compared:
    """One of the runs. All others are compared with the first."""

    name: str
    results: Results
    measured: MeasuredRun
    selection: Selection
    anchors: dict[Case, str]
    """The anchors of the cases in the run's own report."""
    facts: dict[str, str]
    report: str
    """The link to the run's own report."""
    raw: str
    """The link to the run's raw file."""

    @property
    def summaries(self) -> list[Summary]:
        return list(self.measured.summaries)


@dataclass(frozen=True)
class ComparisonLine:
    """One case, with its figures in all runs."""

    summary: Summary
    values: list[str]
    """The figure with its interval, one text per run; a dash if it was not measured."""
    changes: list[Change | None]
    """One change per later run."""


def render(runs: Sequence[Results], into: Path) -> str:
    """Return the page as HTML, with links relative to the folder of `into`.

    The runs are compared by the figure that `bench compare` takes if none is named.
    """
    names = _names(runs)
    compared = [_compared(run, name, into.parent) for run, name in zip(runs, names, strict=True)]
    base, *others = compared
    figure = FIGURES[usual_figure(base.results.cases)]
    compared_by_run = {
        run.name: compare_cases(base.measured, run.measured, figure) for run in others
    }
    changes_by_run = {name: _by_case(pair) for name, pair in compared_by_run.items()}
    summaries = {s.case: s for run in reversed(compared) for s in run.summaries if s.rounds}
    described = {k: v for run in compared for k, v in run.results.header.backends.items()}
    header = replace(base.results.header, backends=described, plan=tuple(summaries))
    selection = select(Results(into.parent, header), list(summaries.values()))
    sentences = [
        finding
        for run in others
        for finding in between(compared_by_run[run.name], base.name, run.name, figure)
    ]
    return render_page(
        "comparison.html.j2",
        title=" and ".join(names) if len(names) == 2 else ", ".join(names),
        runs=compared,
        unlike=unlike(compared),
        forced=why_not(runs),
        together={name: c.common_in_words for name, c in compared_by_run.items() if c.common},
        lead=sentences[:AT_FIRST],
        more=sentences[AT_FIRST:],
        backends=backends(selection),
        charts=_charts(changes_by_run, selection, figure),
        tables=_tables(compared, changes_by_run, selection, figure),
        figure=figure,
        enough_rounds=ENOUGH_ROUNDS,
        selection=selection,
        anchors=anchors(header.plan),
    )


def why_not(runs: Sequence[Results]) -> list[str]:
    """Return the reasons why these runs should not be compared, as `bench compare` has them."""
    return list(obstacles([(run.header, run.cases) for run in runs]))


def file_name(runs: Sequence[Results]) -> str:
    """Return the name of the comparison's file, such as `a-vs-b.html`."""
    return f"{'-vs-'.join(run.folder.resolve().name for run in runs)}.html"


def unlike(compared: Sequence[Compared]) -> list[str]:
    """Return the names of the facts that differ between the runs.

    Facts that always differ are left out: the time of the run, its checks, and the names in its
    command.
    """
    names = [
        name for name in compared[0].facts if name not in ("Measured", "Not measured", "Verified")
    ]
    return [
        name
        for name in names
        if len({_without_names(run.facts.get(name, "")) for run in compared}) > 1
    ]


def _without_names(fact: str) -> str:
    """Return a fact; of a command, without its --label and --out, which change no figure."""
    return _NAMES.sub("", fact)


def _compared(results: Results, name: str, folder: Path) -> Compared:
    measured = measured_run(results)
    selection = select(results, list(measured.summaries))
    path = Path(os.path.relpath(results.folder, folder)).parts
    return Compared(
        name,
        results,
        measured,
        selection,
        anchors(results.header.plan),
        {**facts.facts(results, selection), "Command": results.header.command or ""},
        link(*path, REPORT_FILE),
        link(*path, RUN_FILE),
    )


def _names(runs: Sequence[Results]) -> list[str]:
    """Return short, distinct names of the runs.

    These are the labels; if some lack one or share one, the names of the folders; if these are
    equal, the names with the parent folders; and if these are equal too, numbered names.
    """
    names = [run.header.label or "" for run in runs]
    if not all(names) or len(set(names)) < len(names):
        names = [run.folder.resolve().name for run in runs]
    if len(set(names)) < len(names):
        names = ["/".join(run.folder.resolve().parts[-2:]) for run in runs]
    if len(set(names)) < len(names):
        names = [f"{place}: {name}" for place, name in enumerate(names, start=1)]
    return names


def _by_case(compared: RunsCompared) -> dict[Case, Change]:
    """Return the changes by the case of the later run."""
    return {
        change.later.case: change
        for change in compared.changes.values()
        if change.later and change.is_judged
    }


def _charts(
    changes_by_run: dict[str, dict[Case, Change]], selection: Selection, figure: Figure
) -> list[Chart]:
    charts = []
    side = "Right" if figure.more_is_better else "Left"
    for workload in dict.fromkeys(s.case.workload for s in _shown(selection)):
        panels = []
        for name, changes_of_run in changes_by_run.items():
            groups: dict[str, list[Entry]] = {}
            for case, change in changes_of_run.items():
                if case.workload == workload and change.later and change.ratio:
                    name_of_row = case.backend + " uvloop" * (case.loop == "uvloop")
                    entry = Entry(change.later, name_of_row, change.ratio)
                    groups.setdefault(_conditions(case), []).append(entry)
            panel = rows_panel(
                f"{name}: {figure.words}, ratio to the first run",
                (Unit("", 1),),
                groups,
                selection,
                ratio=True,
            )
            panels += [panel] if panel else []
        words = (
            f"{asked(workload)}. {side} of the line the later run is faster than the first. An"
            " interval that excludes 1 is not yet a verdict: see the tables."
        )
        title = f"From run to run: {workload}"
        charts.append(Chart(f"change-{workload}", title, words, panels, True))
    return [chart for chart in charts if chart.panels]


def _tables(
    compared: Sequence[Compared],
    changes_by_run: dict[str, dict[Case, Change]],
    selection: Selection,
    figure: Figure,
) -> dict[str, list[ComparisonLine]]:
    measured = [{s.case: s for s in run.summaries if s.rounds} for run in compared]
    changed = list(changes_by_run.values())
    tables: dict[str, list[ComparisonLine]] = {}
    for summary in _shown(selection):
        case = summary.case
        line = ComparisonLine(
            summary,
            [_value(run.get(case), figure) for run in measured],
            [run.get(case) for run in changed],
        )
        title = f"{case.workload}, {_conditions(case)}"
        tables.setdefault(title, []).append(line)
    return tables


def _shown(selection: Selection) -> tuple[Summary, ...]:
    """Return all summaries, of both load models: here each stands beside itself in another run."""
    every = (s for s in selection.every if s.case.backend in selection.looks)
    return (*every, *selection.at_rate)


def _conditions(case: Case) -> str:
    """Return a case in words, without its backend and workload."""
    plain = replace(case, backend="", workload="", loop="asyncio")
    return plain.title.removeprefix(", , ")


def _value(summary: Summary | None, figure: Figure) -> str:
    value = median_over_rounds(list(summary.by_round(figure).values())) if summary else None
    if value is None:
        return "-"
    spread = f" ±{value.relative:.0%}" if value.relative is not None else ""
    return f"{with_unit(value.median, figure.units)}{spread}"
