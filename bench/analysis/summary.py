"""The figures of runs: a Summary for each case, and `summary.csv`."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from statistics import median
from typing import TypeVar

from bench.analysis import stats
from bench.analysis.figure import Figure
from bench.analysis.many_values import AT_ONCE, Block, quantiles_of_blocks
from bench.analysis.open_loop import (
    OpenSummary,
    open_summary,
)
from bench.analysis.rounds import Round, durations_of, round_of
from bench.analysis.stats import Interval
from bench.analysis.throughput import within_tolerance
from bench.model.case import Case
from bench.results.entries import Memory, Run
from bench.results.file import Results
from bench.results.samples import Samples

_Value = TypeVar("_Value", int, float)


@dataclass(frozen=True)
class Summary:
    """A case over all its rounds: medians of a figure a round, with intervals over rounds."""

    case: Case
    rounds: tuple[Round, ...]
    operations: int
    """The number of operations that succeeded."""
    errors: Mapping[str, int]
    failures: tuple[str, ...]
    """The reasons why runs and memory measurements gave no result."""
    throughput_per_s: Interval | None
    throughput_bounds_per_s: tuple[float, float] | None
    """The medians of the rounds' bounds."""
    rows_per_s: Interval | None
    latency_ns: Mapping[str, Interval]
    """Quantile -> the median of the rounds' exact quantiles. Where rounds have too few samples, it
    is that of `pooled_latency_ns`, without an interval."""
    pooled_latency_ns: Mapping[str, int]
    """Exact quantiles of all samples of all rounds together, without those of too few samples."""
    first_row_p50_ns: Interval | None
    client_cpu_ns: Interval | None
    """CPU time of the client for one operation."""
    server_cpu_ns: Interval | None
    gc_ns: Interval | None
    """CPU time of the client's garbage collector for one operation."""
    loop_stall_max_ns: int | None
    """The longest of any round."""
    loop_stall_p99_ns: int | None
    """The median of the rounds' own."""
    fewest_operations: int | None
    """The fewest operations of a client, in the round whose clients were least equal."""
    most_operations: int | None
    peak_memory_bytes: int | None
    """The peak memory of one operation in a new process; the median of several."""
    memory_rows: int | None
    open: OpenSummary | None = None
    """The figures at an arrival rate; None for a closed loop. `latency_ns` is then the response,
    and empty unless every round held the rate."""

    @property
    def failed(self) -> int:
        """The number of failed operations."""
        return sum(self.errors.values())

    @property
    def held(self) -> bool:
        """Whether the case has no arrival rate, or held it in every round. Every table and chart
        has to show a rate that was not held."""
        return self.open is None or self.open.is_held

    @property
    def marked(self) -> bool:
        """Whether something of the case failed. Every table and chart has to show it."""
        return bool(self.errors or self.failures)

    @property
    def median_per_s(self) -> float:
        """The median throughput; 0 without one."""
        return self.throughput_per_s.median if self.throughput_per_s else 0.0

    @property
    def throughput_certain(self) -> bool:
        """Whether throughput and rows per second are within 3 % of the truth, chance aside.

        If not, every table and the warnings have to show it: the windows were too short for so long
        operations.
        """
        bounds = self.throughput_bounds_per_s
        return bounds is None or within_tolerance(*bounds)

    @property
    def usable_after_ns(self) -> Interval | None:
        """The wait for the first row: buffered, it comes with the last one."""
        if self.case.fetch.mode != "buffered":
            return self.first_row_p50_ns
        return self.latency_ns.get("p50")

    def by_round(self, figure: Figure) -> dict[int, float]:
        """Return round number -> the figure, for paired ratios, without rounds that lack it."""
        quantile = figure.field in stats.QUANTILES
        values = {
            round_.number: round_.latency_ns.get(figure.field)
            if quantile
            else getattr(round_, figure.field)
            for round_ in self.rounds
        }
        return {number: value for number, value in values.items() if value is not None}


class Figures:
    """The rounds of each case, from runs that are added one after another."""

    def __init__(self) -> None:
        self._rounds: dict[Case, list[tuple[Round, Callable[[], Iterable[Block]]]]] = {}
        """The rounds of each case, each with a function that gives its durations in blocks."""
        self._room = AT_ONCE

    def add(self, run: Run) -> None:
        """Add a run. The durations of a few million operations are kept, others are read again."""
        durations: Callable[[], Iterable[Block]] = partial(durations_of, [run])
        if len(run.samples) <= self._room:
            self._room -= len(run.samples)
            durations = partial(iter, list(durations()))
        self._rounds.setdefault(run.case, []).append((round_of(run, durations), durations))

    def without_samples(self, run: Run) -> Run:
        """Add a run, and return it without its samples, for `load`."""
        self.add(run)
        return Run(**vars(run) | {"samples": Samples()})

    def of(self, case: Case) -> tuple[tuple[Round, ...], Callable[[], Iterable[Block]]]:
        """Return the rounds of a case in order, and a function that gives all their durations."""
        in_order = sorted(self._rounds.get(case, ()), key=lambda known: known[0].number)
        return tuple(round_ for round_, _ in in_order), lambda: chain.from_iterable(
            durations() for _, durations in in_order
        )


def summarise(results: Results, figures: Figures | None = None) -> list[Summary]:
    """Return a summary of each case that was measured or failed, in the order of the plan.

    `figures`: those of the runs, if their samples were dropped.
    """
    runs: dict[Case, list[Run]] = {}
    for run in results.runs:
        runs.setdefault(run.case, []).append(run)
    memory: dict[Case, list[Memory]] = {}
    for measurement in results.memory:
        memory.setdefault(measurement.case, []).append(measurement)
    failures: dict[Case, list[str]] = {}
    for failure in results.failures:
        failures.setdefault(failure.case, []).append(failure.error)
    return [
        _summary(
            case,
            figures or _figures_of(runs.get(case, [])),
            memory.get(case, []),
            failures.get(case, []),
        )
        for case in results.header.plan
        if case in runs or case in memory or case in failures
    ]


def of_case(case: Case, runs: list[Run], memory: list[Memory], failures: list[str]) -> Summary:
    """Return the summary of a case."""
    return _summary(case, _figures_of(runs), memory, failures)


def _figures_of(runs: Iterable[Run]) -> Figures:
    figures = Figures()
    for run in runs:
        figures.add(run)
    return figures


def _summary(case: Case, figures: Figures, memory: list[Memory], failures: list[str]) -> Summary:
    rounds, durations = figures.of(case)
    pooled_ns = quantiles_of_blocks(durations, sum(round_.operations for round_ in rounds))
    uneven = min(rounds, key=_evenness, default=None)
    at_rate = open_summary([round_.open for round_ in rounds])
    if at_rate and not at_rate.is_held:
        pooled_ns = {}
    return Summary(
        case=case,
        rounds=rounds,
        operations=sum(round_.operations for round_ in rounds),
        errors=sum((Counter(round_.errors) for round_ in rounds), Counter()),
        failures=tuple(failures),
        throughput_per_s=_over(round_.throughput_per_s for round_ in rounds),
        throughput_bounds_per_s=_bounds(rounds),
        rows_per_s=_over(round_.rows_per_s for round_ in rounds),
        latency_ns=shown_latency(rounds, pooled_ns),
        pooled_latency_ns=pooled_ns,
        first_row_p50_ns=_over(round_.first_row_p50_ns for round_ in rounds),
        client_cpu_ns=_over(round_.client_cpu_ns for round_ in rounds),
        server_cpu_ns=_over(round_.server_cpu_ns for round_ in rounds),
        gc_ns=_over(round_.gc_ns for round_ in rounds),
        loop_stall_max_ns=max(_known(round_.loop_stall_max_ns for round_ in rounds), default=None),
        loop_stall_p99_ns=_middle(round_.loop_stall_p99_ns for round_ in rounds),
        fewest_operations=uneven.fewest_operations if uneven else None,
        most_operations=uneven.most_operations if uneven else None,
        peak_memory_bytes=_middle(measurement.peak_bytes for measurement in memory),
        memory_rows=_middle(measurement.rows for measurement in memory),
        open=at_rate,
    )


def shown_latency(rounds: Sequence[Round], pooled_ns: Mapping[str, int]) -> dict[str, Interval]:
    """Return the quantiles to show. `pooled_ns`: those of all samples of all rounds."""
    fewest = min((round_.operations for round_ in rounds if round_.operations), default=0)
    shown = {}
    for name, value in pooled_ns.items():
        over_rounds = _over(round_.latency_ns.get(name) for round_ in rounds)
        if over_rounds and fewest >= stats.enough_for_a_round(name):
            shown[name] = over_rounds
        else:
            shown[name] = Interval(value, None, None, len(rounds))
    return shown


def _bounds(rounds: Sequence[Round]) -> tuple[float, float] | None:
    if not rounds:
        return None
    least, most = zip(*(round_.throughput_bounds_per_s for round_ in rounds), strict=True)
    return median(least), median(most)


def _evenness(figures: Round) -> float:
    return figures.fewest_operations / max(1, figures.most_operations)


def _over(values: Iterable[float | None]) -> Interval | None:
    return stats.median_over_rounds(_known(values))


def _middle(values: Iterable[int | None]) -> int | None:
    return stats.quantiles(_known(values)).get("p50")


def _known(values: Iterable[_Value | None]) -> list[_Value]:
    return [value for value in values if value is not None]
