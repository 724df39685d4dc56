"""The comparison of runs with the first one: the cases that both measured, with verdicts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.analysis.compare.differences import EnvironmentDifference, differences
from bench.analysis.figure import THROUGHPUT, Figure
from bench.analysis.stationarity import taken_by_others
from bench.analysis.summary import Summary, summarise
from bench.analysis.verdict import NoiseFloor, Verdict, compare, noise_floor
from bench.analysis.warnings import ResultWarning, result_warnings
from bench.model.case import Case
from bench.results.file import Results


@dataclass(frozen=True)
class ComparedCase:
    """A case that the first run and another one measured."""

    case: Case
    """The case in the first run."""
    base: Summary
    verdicts: tuple[Verdict | None, ...]
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

    @property
    def workloads(self) -> dict[str, list[ComparedCase]]:
        grouped: dict[str, list[ComparedCase]] = {}
        for row in self.rows:
            grouped.setdefault(row.case.workload, []).append(row)
        return grouped

    def worse_than(self, margin: float) -> list[tuple[str, Case, Verdict]]:
        """Return run, case and verdict of each case that the gate stops.

        The gate stops a case that is slower, beyond the noise floor, and by more than the margin
        (0.1 is 10 %) even at the most favourable end of its interval.
        """
        return [
            (name, row.case, verdict)
            for row in self.rows
            for name, verdict in zip(self.names[1:], row.verdicts, strict=True)
            if verdict and verdict.word == "slower"
            if (least := self.least_slowdown(verdict)) is not None and least > margin
        ]

    def least_slowdown(self, verdict: Verdict) -> float | None:
        """Return the least slowdown within the interval (0.1 is 10 %); None without an interval."""
        ratio = verdict.ratio
        if ratio is None or ratio.low is None or ratio.high is None:
            return None
        return 1 / ratio.high - 1 if self.figure.more_is_better else ratio.low - 1


def compare_runs(runs: Sequence[tuple[str, Results]], figure: Figure = THROUGHPUT) -> Comparison:
    """Return the comparison of the first run with each of the others.

    If event loops differ, cases are matched without them: read `obstacles` first.
    """
    headers = [results.header for _, results in runs]
    obstacles = tuple(_obstacles([results for _, results in runs]))
    measured = [summarise(results) for _, results in runs]
    floors = tuple(noise_floor(summaries, figure) for summaries in measured)
    crowding = tuple(_crowding(results) for _, results in runs)
    first, *others = (
        {_identity(s.case): s for s in summaries if s.rounds and not s.case.twin}
        for summaries in measured
    )
    rows = [
        ComparedCase(
            base.case,
            base,
            tuple(
                _verdict(
                    base, other.get(identity), figure, (floors[0], floor), max(crowding[0], factor)
                )
                for other, floor, factor in zip(others, floors[1:], crowding[1:], strict=True)
            ),
        )
        for identity, base in first.items()
        if any(identity in other for other in others)
    ]
    return Comparison(
        tuple(name for name, _ in runs),
        figure,
        tuple(differences(headers)),
        obstacles,
        floors,
        tuple(row for row in rows if any(v and v.ratio for v in row.verdicts)),
        tuple(
            tuple(result_warnings(results, summaries))
            for (_, results), summaries in zip(runs, measured, strict=True)
        ),
    )


def names_of(folders: Sequence[Path]) -> list[str]:
    """Return a name for each run: its label, else its folder's name, else its path."""
    whole = [folder.resolve().name for folder in folders]
    labels = [name.partition("Z-")[2] or name for name in whole]
    for names in (labels, whole):
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def _verdict(
    base: Summary,
    other: Summary | None,
    figure: Figure,
    floors: tuple[NoiseFloor | None, ...],
    crowding: float,
) -> Verdict | None:
    """Return the verdict, by the higher noise floor and the effect of other programs."""
    if other is None:
        return None
    known = [floor for floor in floors if floor]
    floor = max(known, key=lambda floor: floor.factor, default=None)
    return compare(base, other, figure, floor, same_run=False, crowding=crowding)


def _crowding(results: Results) -> float:
    """Return the factor by which other programs can slow a run: 2 for half of the CPU."""
    return 1 / max(1e-3, 1 - (taken_by_others(results) or 0.0))


def _identity(case: Case) -> Case:
    return replace(case, loop="none")


def _obstacles(runs: Sequence[Results]) -> Iterator[str]:
    def unequal(what: str, values: list[str]) -> Iterator[str]:
        if len(set(values)) > 1:
            yield f"{what} differ: {' and '.join(values)}"

    statements = [results.header.statements for results in runs]
    for name in set.intersection(*(set(known) for known in statements)):
        texts = [" ".join(known[name].sql.split()) for known in statements]
        yield from unequal(f"statements of {name}", texts)
    datasets = [results.header.dataset for results in runs]
    words = [f"scale {dataset.scale} ({dataset.digest})" for dataset in datasets]
    yield from unequal("datasets", words)
    yield from unequal("load models", [str(results.header.load_model) for results in runs])
    loops = [{case.loop for case in results.cases} - {"none"} for results in runs]
    if all(loops):
        yield from unequal("event loops", [", ".join(sorted(names)) for names in loops])
