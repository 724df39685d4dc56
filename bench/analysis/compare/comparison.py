"""The comparison of runs with the first one: the cases that both measured, with verdicts."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from bench.analysis.compare.cases import (
    Again,
    Change,
    MeasuredRun,
    RunsCompared,
    compare_cases,
    identity,
)
from bench.analysis.compare.comparable import obstacles
from bench.analysis.compare.differences import EnvironmentDifference, differences
from bench.analysis.compare.gate import GateDecision, Visibility, decide, visibility_of
from bench.analysis.figure import THROUGHPUT, Figure
from bench.analysis.stationarity import taken_by_others
from bench.analysis.stats import SAMPLES_NEEDED
from bench.analysis.summary import Figures, Summary, summarise
from bench.analysis.verdict import NoiseFloor, noise_floor
from bench.analysis.warnings import ResultWarning, result_warnings
from bench.model.case import Case
from bench.results.file import Results, load
from bench.results.header import Header


@dataclass(frozen=True)
class SummedUp:
    """A run to compare, without its samples: ten runs with theirs take half a gigabyte."""

    name: str
    header: Header
    cases: tuple[Case, ...]
    measured: MeasuredRun
    warnings: tuple[ResultWarning, ...]

    @classmethod
    def of(cls, name: str, results: Results, judged: Iterable[Case] | None = None) -> Self:
        """Return the run of these results. They may be dropped then.

        `judged`: the cases to judge where it is the base, if not all.
        """
        run = cls._of(name, results, summarise(results))
        if judged is None:
            return run
        cases = frozenset(map(identity, judged))
        return replace(run, measured=replace(run.measured, judged=cases))

    @classmethod
    def read(cls, name: str, folder: Path) -> Self:
        """Return the run in a folder. The samples of each round are dropped when they were counted.

        Raises `BenchError` as `load` does.
        """
        figures = Figures()
        results = load(folder, as_read=figures.without_samples)
        return cls._of(name, results, summarise(results, figures))

    @classmethod
    def _of(cls, name: str, results: Results, summaries: list[Summary]) -> Self:
        found = tuple(result_warnings(results, summaries))
        measured = _measured_run(results, summaries)
        return cls(name, results.header, tuple(results.cases), measured, found)


@dataclass(frozen=True)
class ComparedCase:
    """A case that the first run and another one measured."""

    case: Case
    """The case in the first run."""
    base: Summary
    verdicts: tuple[Change | None, ...]
    """The verdict on each other run, in order; None if it did not measure the case."""


@dataclass(frozen=True)
class Comparison:
    """The comparison of the first run with the others."""

    names: tuple[str, ...]
    """The names of the runs. The others are compared with the first."""
    figure: Figure
    differences: tuple[EnvironmentDifference, ...]
    obstacles: tuple[str, ...]
    """The reasons why these runs should not be compared."""
    floors: tuple[NoiseFloor | None, ...]
    """The noise floor of each run."""
    rows: tuple[ComparedCase, ...]
    """The compared cases, in the order of the first run's plan."""
    result_warnings: tuple[tuple[ResultWarning, ...], ...]
    """The warnings about each run."""
    compared: tuple[tuple[str, RunsCompared], ...]
    """The name of each other run, and its comparison with the first."""
    too_few_operations: tuple[Case, ...] = ()
    """Cases of several runs that stand in no row: no round of one of them has enough operations for
    the quantile that is compared."""

    @property
    def left_out(self) -> str:
        """Why cases of several runs stand in no row; empty if none is left out."""
        if not (cases := self.too_few_operations):
            return ""
        field = self.figure.field
        many = f"{len(cases)} cases have" if len(cases) > 1 else "1 case has"
        return (
            f"{many} no verdict, as {cases[0].title}: no round of a run has the"
            f" {SAMPLES_NEEDED[field]:,} operations of a {field}"
        )

    @property
    def workloads(self) -> dict[str, list[ComparedCase]]:
        grouped: dict[str, list[ComparedCase]] = {}
        for row in self.rows:
            grouped.setdefault(row.case.workload, []).append(row)
        return grouped

    def gate(self, margin: float) -> GateDecision:
        """Return the decision of a gate with this margin: 0.1 permits a slowdown of 10 %."""
        return decide(self.compared, margin)

    @property
    def without_common_cases(self) -> list[str]:
        """The names of the runs that have no case to compare with the first."""
        return [
            name
            for name, pair in self.compared
            if not any(change.is_judged for change in pair.changes.values())
        ]

    @property
    def visibility(self) -> list[Visibility]:
        """The smallest slowdowns that could have been seen, for each other run."""
        seen = (visibility_of(name, compared) for name, compared in self.compared)
        return [known for known in seen if known]


def compare_summed_up(
    runs: Sequence[SummedUp],
    figure: Figure = THROUGHPUT,
    again: Again | None = None,
    same_code: Sequence[SummedUp] = (),
) -> Comparison:
    """Return the comparison of the first run with each of the others.

    `again` is a second measurement of the second run; `same_code` are further runs of the first
    one's code. If event loops differ, cases are matched without them: read `obstacles` first.
    """
    first, *others = (run.measured for run in runs)
    alike = [run.measured for run in same_code]
    compared = [compare_cases(first, other, figure, again, alike) for other in others]
    base = [s for s in first.summaries if first.judges(s.case)]
    elsewhere = {identity(s.case) for run in others for s in run.summaries if _has_latency(s)}
    rows, too_few = [], []
    for summary in base:
        changes = tuple(pair.changes.get(summary.case) for pair in compared)
        if any(change and change.is_judged for change in changes):
            rows.append(ComparedCase(summary.case, summary, changes))
        elif (
            figure.field in SAMPLES_NEEDED
            and _has_latency(summary)
            and identity(summary.case) in elsewhere
        ):
            too_few.append(summary.case)
    return Comparison(
        names=tuple(run.name for run in runs),
        figure=figure,
        differences=tuple(differences([run.header for run in runs])),
        obstacles=tuple(obstacles([(run.header, run.cases) for run in runs])),
        floors=tuple(noise_floor(run.measured.summaries, figure) for run in runs),
        rows=tuple(rows),
        result_warnings=tuple(run.warnings for run in runs),
        compared=tuple((run.name, pair) for run, pair in zip(runs[1:], compared, strict=True)),
        too_few_operations=tuple(too_few),
    )


def _has_latency(summary: Summary) -> bool:
    return summary.operations > 0 and summary.held


def measured_run(results: Results) -> MeasuredRun:
    """Return a run with its summaries and the effect of other programs, to be compared."""
    return _measured_run(results, summarise(results))


def _measured_run(results: Results, summaries: Sequence[Summary]) -> MeasuredRun:
    taken = taken_by_others(results) or 0.0
    return MeasuredRun(summaries, 1 / max(1e-3, 1 - taken))


def only(results: Results, cases: Collection[Case]) -> Results:
    """Return the results of these cases and of the A/A pairs."""
    wanted = {identity(case) for case in cases}
    twins = {replace(case, twin=False) for case in results.cases if case.twin}

    def chosen(case: Case) -> bool:
        return case.twin or case in twins or identity(case) in wanted

    return replace(
        results,
        header=replace(results.header, plan=[c for c in results.header.plan if chosen(c)]),
        runs=[run for run in results.runs if chosen(run.case)],
        memory=[memory for memory in results.memory if chosen(memory.case)],
        failures=[failure for failure in results.failures if chosen(failure.case)],
    )


def without_case(results: Results, cases: Collection[Case]) -> list[Case]:
    """Return those of the cases that these results did not measure."""
    measured = {identity(run.case) for run in results.runs}
    return [case for case in cases if identity(case) not in measured]


def names_of(folders: Sequence[Path]) -> list[str]:
    """Return a name for each run: its label, else its folder's name, else its path."""
    whole = [folder.resolve().name for folder in folders]
    labels = [name.partition("Z-")[2] or name for name in whole]
    for names in (labels, whole):
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]
