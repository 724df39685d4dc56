"""The history of a figure: how it changed for some cases from run to run."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from bench.analysis.compare.comparable import obstacles
from bench.analysis.compare.differences import EnvironmentDifference, differences
from bench.analysis.figure import Figure
from bench.analysis.ratios import ENOUGH_ROUNDS
from bench.analysis.stats import Interval, median_over_rounds
from bench.analysis.summary import summarise
from bench.model.case import Case
from bench.results.file import Results
from bench.results.header import Header

_OPTIONS = {"profile", "rounds", "seconds", "warm_up_s", "git.revision"}
"""The differences between runs that do not interrupt a history."""


@dataclass(frozen=True)
class Moment:
    """A run in a history, with the figures of the wanted cases."""

    name: str
    created_at: str
    figures: dict[Case, Interval]
    """Median over rounds with its interval, in the figure's base unit."""
    changes: tuple[EnvironmentDifference, ...]
    """The differences of its environment from the run before."""
    obstacles: tuple[str, ...] = ()
    """The reasons why it should not be compared with the run before."""


def history(
    runs: Iterable[tuple[str, Results]],
    figure: Figure,
    wanted: Callable[[Case], bool] = lambda _: True,
) -> list[Moment]:
    """Return the runs that have a wanted case, in the order given (the oldest first).

    One run is held at a time. A run of which only the wanted cases were read takes less time.
    """
    return history_of_rounds(
        (
            name,
            results.header,
            {
                summary.case: summary.by_round(figure)
                for summary in summarise(results)
                if wanted(summary.case) and not summary.case.twin
            },
        )
        for name, results in runs
    )


def history_of_rounds(
    runs: Iterable[tuple[str, Header, Mapping[Case, Mapping[int, float]]]],
) -> list[Moment]:
    """Return the runs that have a case, from their names, headers, and figures by round."""
    moments: list[Moment] = []
    before: Header | None = None
    for name, header, rounds in runs:
        figures = {
            case: interval
            for case, values in rounds.items()
            if (interval := median_over_rounds(list(values.values())))
        }
        if figures:
            changes = differences([before, header]) if before else []
            both = [before, header] if before else []
            why_not = obstacles([(_of(each, figures), ()) for each in both]) if both else ()
            moments.append(
                Moment(name, header.created_at, figures, tuple(_telling(changes)), tuple(why_not))
            )
            before = header
    return moments


def cases_of(moments: Iterable[Moment]) -> list[Case]:
    """Return every case of the history, in the order of its first run."""
    return list(dict.fromkeys(case for moment in moments for case in moment.figures))


def few(moment: Moment) -> bool:
    """Return whether an interval of the run has a confidence below 95 %."""
    return any(figure.rounds < ENOUGH_ROUNDS for figure in moment.figures.values())


def _of(header: Header, cases: Iterable[Case]) -> Header:
    """Return the header with what concerns these cases alone.

    A case of another load model or event loop is another line of the history.
    """
    workloads = {case.workload for case in cases}
    statements = {name: header.statements[name] for name in header.statements.keys() & workloads}
    return replace(header, load_model=None, statements=statements)


def _telling(changes: Iterable[EnvironmentDifference]) -> list[EnvironmentDifference]:
    return [change for change in changes if change.what not in _OPTIONS]
