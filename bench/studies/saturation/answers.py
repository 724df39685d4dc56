"""The answers of a search, from a results file: also of one that was interrupted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.analysis.summary import Summary
from bench.model.case import Case
from bench.results.file import Results
from bench.studies.saturation.entries import Objective, Saturation
from bench.studies.saturation.passing import p99_ns, passed
from bench.studies.saturation.search import confidence


@dataclass(frozen=True)
class Answer:
    """The search of one backend."""

    closed: Case
    objective_ns: int
    closed_per_s: float | None
    """Throughput in a closed loop of as many clients."""
    summaries: tuple[Summary, ...]
    """The cases at a rate, by rate."""
    held: Summary | None
    """The highest rate that was confirmed; in an interrupted search, the highest that passed."""
    confirmed: Saturation | None

    @property
    def backend(self) -> str:
        return self.closed.backend

    @property
    def rate(self) -> int | None:
        """The highest rate within the objective; None if no rate was."""
        return self.held.case.rate if self.held else None

    @property
    def confidence(self) -> float | None:
        """The probability that most windows at the rate pass; None if it was not confirmed."""
        return confidence(self.confirmed.tried) if self.confirmed else None

    @property
    def missed(self) -> int | None:
        """The lowest rate above the answer with a window that missed; None if there is none."""
        above = [
            summary.case.rate
            for summary in self.summaries
            if (summary.case.rate or 0) > (self.rate or 0)
            and not all(passed(window, self.objective_ns) for window in summary.rounds)
        ]
        return min((rate for rate in above if rate), default=None)


def answers(results: Results, summaries: Sequence[Summary]) -> list[Answer]:
    """Return the answer of each search, in the order of the plan; empty for another run."""
    by_case = {summary.case: summary for summary in summaries}
    confirmed = {closed_loop(found.case): found for found in results.probed_as(Saturation)}
    at_rate: dict[Case, list[Summary]] = {}
    for summary in summaries:
        if summary.case.rate is not None:
            at_rate.setdefault(closed_loop(summary.case), []).append(summary)
    return [
        _answer(objective, by_case, at_rate.get(objective.case, []), confirmed)
        for objective in results.probed_as(Objective)
    ]


def closed_loop(case: Case) -> Case:
    """Return the case without its rate."""
    return replace(case, rate=None, arrivals="poisson")


def _answer(
    objective: Objective,
    by_case: dict[Case, Summary],
    at_rate: list[Summary],
    confirmed: dict[Case, Saturation],
) -> Answer:
    in_order = tuple(sorted(at_rate, key=lambda summary: summary.case.rate or 0))
    found = confirmed.get(objective.case)
    if found:
        held = by_case.get(found.case)
    else:
        good = [
            summary
            for summary in in_order
            if summary.rounds
            and all(passed(window, objective.objective_ns) for window in summary.rounds)
        ]
        held = good[-1] if good else None
    closed = by_case.get(objective.case)
    per_s = closed.throughput_per_s.median if closed and closed.throughput_per_s else None
    return Answer(objective.case, objective.objective_ns, per_s, in_order, held, found)


def worst_p99_ns(summary: Summary) -> int | None:
    """Return the highest p99 of the windows; None if one did not hold the rate."""
    values = [p99_ns(window) for window in summary.rounds]
    known = [value for value in values if value is not None]
    return max(known) if known and len(known) == len(values) else None
