"""The warnings about results: a symptom, its likely cause, and what to type.

    for warning in result_warnings(results):
        print(warning)

Pure: the results file is the only input. As in hyperfine, every warning says what to try.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.analysis import rate_warnings, rerun
from bench.analysis.ratios import ENOUGH_ROUNDS
from bench.analysis.rounds import Round
from bench.analysis.stationarity import beginning, drift, taken_by_others
from bench.analysis.summary import Summary, summarise
from bench.analysis.verdict import in_words, noise_floor
from bench.model.case import Case
from bench.model.study import study_of
from bench.model.units import TIMES, number, with_unit
from bench.model.window import OPERATIONS_EACH
from bench.results.entries import Run
from bench.results.file import Results
from bench.results.header import Header

NOISY = 1.10
"""The noise floor above which a warning is given: it hides differences that matter."""
MARGIN = 0.05
"""The smallest drift, or slow start of a round, that is worth a warning."""
BUSY = 0.95
"""The share of the available CPU from which the CPU limits the figures."""
CROWDED = 0.1
"""The share of the machine's CPU above which other programs change the figures."""
SIGNIFICANT = 0.05
IMPOSSIBLE = 0.05
"""The share of a core by which throughput x CPU may exceed what is possible."""
WAKING_S = 50e-6
"""The CPU time of waking a client at the start and at the end of a window, in seconds. No operation
has it: it is an excess that means nothing."""


@dataclass(frozen=True)
class ResultWarning:
    """A warning. Each part is a sentence or two without the full stop."""

    symptom: str
    cause: str
    cure: str
    """The command to type, or the thing to do."""

    def __str__(self) -> str:
        return f"{self.symptom}.\n  Likely: {self.cause}.\n  Try: {self.cure}"


@dataclass(frozen=True)
class _Evidence:
    header: Header
    runs: Mapping[Case, list[Run]]
    """The runs by case, without null backends: they are always busy, and have no pool."""
    every_run: Sequence[Run]
    summaries: list[Summary]

    taken: float | None
    """The share of the machine's CPU that other programs used; None if unknown."""

    def again(self, option: str, value: str) -> str:
        return rerun.whole(self.header, {option: value})

    @property
    def rounds(self) -> int:
        return max((len(summary.rounds) for summary in self.summaries), default=0)

    @property
    def cores(self) -> int:
        return self.header.environment.host.cores or 1

    @property
    def load(self) -> float:
        return self.header.environment.host.load_1min or 0.0

    @property
    def gil(self) -> bool:
        return self.header.environment.gil is not False


def result_warnings(
    results: Results, summaries: list[Summary] | None = None
) -> list[ResultWarning]:
    """Return the warnings about these results, the most serious first."""
    measured = summarise(results) if summaries is None else summaries
    null = results.header.null_backends
    runs: dict[Case, list[Run]] = {}
    for run in results.runs:
        if run.case.backend not in null:
            runs.setdefault(run.case, []).append(run)
    taken = taken_by_others(results)
    evidence = _Evidence(results.header, runs, results.runs, measured, taken)
    checks: tuple[Callable[[_Evidence], Iterator[ResultWarning]], ...] = (
        *(_errors, _impossible, _rounds, _noise, _others, _load, _drift, _warm_up),
        *(_uncertain, _idle, _apart, _pool, _server, _client),
        *(_not_held, _late),
    )
    return [warning for check in checks for warning in check(evidence)]


def _errors(evidence: _Evidence) -> Iterator[ResultWarning]:
    marked = [summary for summary in evidence.summaries if summary.marked]
    if not marked:
        return
    operations = sum(summary.failed for summary in marked)
    runs = sum(len(summary.failures) for summary in marked)
    words = []
    if operations:
        words.append(f"{operations:,} operations")
    if runs:
        words.append(f"{runs} runs")
    worst = max(marked, key=lambda summary: (len(summary.failures), summary.failed))
    why = next(iter(worst.failures or worst.errors))
    case = worst.case
    yield ResultWarning(
        f"{' and '.join(words)} failed, in {_of(len(marked), len(evidence.summaries))}",
        f"{why} ({case.title}); failed operations and runs are in no other figure",
        rerun.command(evidence.header, case),
    )


def _impossible(evidence: _Evidence) -> Iterator[ResultWarning]:
    """Throughput times CPU of an operation: under the GIL, no more than the process really used."""
    if not evidence.gil:
        return
    runs: dict[Case, list[Run]] = {}
    for run in evidence.every_run:
        runs.setdefault(run.case, []).append(run)
    cores = {summary.case: _cores(summary) for summary in evidence.summaries if summary.rounds}
    wrong: dict[Case, float] = {}
    for case, used in cores.items():
        really = median(run.client_cpu_ns / run.elapsed_ns for run in runs[case])
        waking = WAKING_S * case.concurrency / median(run.window_ns / 1e9 for run in runs[case])
        if used > (1 + IMPOSSIBLE) * max(float(case.processes), really) + waking:
            wrong[case] = used
    if wrong:
        worst = max(wrong, key=lambda case: wrong[case])
        certain = all(s.throughput_certain for s in evidence.summaries if s.case == worst)
        yield ResultWarning(
            f"throughput x CPU/op is more than one core in {_of(len(wrong), len(cores))}, most in"
            f" {worst.title} ({wrong[worst]:.2f} cores): a process with the GIL cannot use that",
            "the CPU time is too high: much of it was used before the first or after the last"
            " operation of a window"
            if certain
            else "the throughput is too high: an operation lasts about as long as its window",
            evidence.again("seconds", f"{4 * (evidence.header.seconds or 0.05):g}"),
        )


def _cores(summary: Summary) -> float:
    """Return the cores that the clients used in the rounds, by throughput and CPU/op: the median.

    Each round's own figures are multiplied. The medians of both may be of different rounds.
    """
    return median(
        round_.throughput_per_s * (round_.client_cpu_ns or 0.0) / 1e9 for round_ in summary.rounds
    )


def _uncertain(evidence: _Evidence) -> Iterator[ResultWarning]:
    marked = [summary for summary in evidence.summaries if not summary.throughput_certain]
    if not marked:
        return

    def width(summary: Summary) -> float:
        least, most = summary.throughput_bounds_per_s or (1.0, 1.0)
        return most / least if least else 1.0

    worst = max(marked, key=width)
    least, most = worst.throughput_bounds_per_s or (0.0, 0.0)
    longest_ns = max(
        summary.latency_ns["p50"].median for summary in marked if "p50" in summary.latency_ns
    )
    long_s = max(OPERATIONS_EACH * longest_ns / 1e9, 2 * (evidence.header.seconds or 0.0))
    yield ResultWarning(
        f"throughput is uncertain (~) in {_of(len(marked), len(evidence.summaries))}, most in"
        f" {worst.case.title}: {number(least)} to {number(most)} operations/s",
        f"an operation takes up to {with_unit(longest_ns, TIMES)} while all clients are active: too"
        " few of some client end in a window to tell what the clients wait for",
        evidence.again("seconds", f"{long_s:.2g}"),
    )


def _idle(evidence: _Evidence) -> Iterator[ResultWarning]:
    idle = {
        case: rounds
        for case, runs in evidence.runs.items()
        if case.rate is None and (rounds := [run for run in runs if run.fewest_operations == 0])
    }
    if idle:
        worst = max(idle, key=lambda case: (len(idle[case]), case.concurrency))
        busiest = max(run.most_operations for run in idle[worst])
        yield ResultWarning(
            f"some tasks or threads served nothing in {_of(len(idle), len(evidence.runs))}, most in"
            f" {worst.title}: 0 operations of one, {busiest:,} of another, in"
            f" {len(idle[worst])} of {len(evidence.runs[worst])} rounds",
            "the window ends before each of them has its turn, so fewer were active than the"
            " concurrency says",
            evidence.again("seconds", f"{4 * (evidence.header.seconds or 0.05):g}"),
        )


def _apart(evidence: _Evidence) -> Iterator[ResultWarning]:
    shares = {
        case: median((run.start_skew_ns or 0) / run.window_ns for run in runs)
        for case, runs in evidence.runs.items()
        if case.processes > 1
    }
    late = {case: share for case, share in shares.items() if share > MARGIN}
    if late:
        worst = max(late, key=lambda case: late[case])
        yield ResultWarning(
            f"processes that share a case began late in {_of(len(late), len(shares))}, most in"
            f" {worst.title}: the last one after {late[worst]:.0%} of the window",
            f"{worst.processes} processes and the server wait for {evidence.cores} cores, and the"
            " window is short",
            evidence.again("seconds", f"{4 * (evidence.header.seconds or 0.05):g}"),
        )


def _rounds(evidence: _Evidence) -> Iterator[ResultWarning]:
    rounds = evidence.rounds
    if 0 < rounds < ENOUGH_ROUNDS:
        yield ResultWarning(
            f"{rounds} round{'s' if rounds > 1 else ''}: no difference can be told from chance",
            f"a verdict with 95 % confidence takes {ENOUGH_ROUNDS} rounds",
            evidence.again("rounds", f"{ENOUGH_ROUNDS}"),
        )


def _noise(evidence: _Evidence) -> Iterator[ResultWarning]:
    floor = noise_floor(evidence.summaries)
    if floor and floor.factor > NOISY:
        yield ResultWarning(
            f"two equal cases differ by up to {floor.factor - 1:,.0%}: {floor}",
            "other work on this machine, or rounds that are too few or too short",
            "close other programs, or "
            + evidence.again("rounds", f"{max(12, 2 * evidence.rounds)}"),
        )


def _others(evidence: _Evidence) -> Iterator[ResultWarning]:
    if evidence.taken is not None and evidence.taken > CROWDED:
        yield ResultWarning(
            f"other programs used {evidence.taken:.0%} of the machine's CPU while it was measured",
            "another program runs here, or on the host below; its CPU use differs from run to run",
            "close it (top shows which), and measure again",
        )


def _load(evidence: _Evidence) -> Iterator[ResultWarning]:
    if evidence.taken is None and evidence.load > evidence.cores:
        yield ResultWarning(
            f"the load average was {evidence.load:.1f} on {evidence.cores} cores before the"
            " measurement began",
            "another program was at work",
            "wait for it to end (uptime), and measure again",
        )


def _drift(evidence: _Evidence) -> Iterator[ResultWarning]:
    trend = drift(evidence.summaries)
    if trend and abs(trend.ratio - 1) > MARGIN and trend.p_value < SIGNIFICANT:
        way = "slower" if trend.ratio < 1 else "faster"
        yield ResultWarning(
            f"all cases together became {way} from round to round: throughput of the last is"
            f" {trend.ratio:.0%} of the first's (p = {trend.p_value:.2g})",
            "a processor that heats up, another program that started or ended, caches that fill;"
            " ratios within this run hold, since its rounds are interleaved",
            evidence.again("rounds", f"{2 * evidence.rounds}"),
        )


def _warm_up(evidence: _Evidence) -> Iterator[ResultWarning]:
    rounds = {summary.case: summary.rounds for summary in evidence.summaries}
    by_backend: dict[str, list[Round]] = {}
    for case in evidence.runs:
        by_backend.setdefault(case.backend, []).extend(rounds.get(case, ()))
    cold = {name: ratio for name, known in by_backend.items() if (ratio := beginning(known))}
    cold = {
        name: ratio
        for name, ratio in cold.items()
        if ratio.rounds >= ENOUGH_ROUNDS and ratio.high is not None and ratio.high < 1 - MARGIN
    }
    if cold:
        worst = min(cold, key=lambda name: cold[name].median)
        warm_up_s = evidence.header.warm_up_s or 0.0
        yield ResultWarning(
            f"rounds begin slower than they go on with {', '.join(cold)}: {worst} by"
            f" {in_words(cold[worst])}",
            "the warm-up is too short (statements are not prepared yet, caches are cold)",
            evidence.again("warm-up", f"{max(0.1, 4 * warm_up_s):g}"),
        )


def _pool(evidence: _Evidence) -> Iterator[ResultWarning]:
    for case, runs in evidence.runs.items():
        opened = [run.connections for run in runs if run.connections]
        if opened and max(opened) < min(case.kept_connections, case.concurrency):
            yield ResultWarning(
                f"{case.title}: {max(opened)} connections for {case.concurrency} tasks or threads",
                "its pool is smaller than the concurrency, so its latency includes a queue",
                "open Target.pool_size connections in the backend (docs/add-an-accessor.md), or"
                f" --concurrency {max(opened)}",
            )


def _server(evidence: _Evidence) -> Iterator[ResultWarning]:
    cores = evidence.cores
    both = {
        case: median(_cpu_ns(run) / run.elapsed_ns for run in known) / cores
        for case, runs in evidence.runs.items()
        if (known := [run for run in runs if run.server_cpu_ns is not None])
    }
    full = {case: share for case, share in both.items() if share >= BUSY}
    if full:
        worst = max(full, key=lambda case: full[case])
        yield ResultWarning(
            f"client and server together used all {cores} cores in {_of(len(full), len(both))},"
            f" most in {worst.title}",
            "they take CPU from each other: this machine limits throughput there, not the library",
            "read CPU/op, not throughput; or give the server a machine of its own:"
            " bench run --database-url postgresql://...",
        )


def _client(evidence: _Evidence) -> Iterator[ResultWarning]:
    if not evidence.gil:
        return
    shares = {
        case: median(run.client_cpu_ns / run.elapsed_ns for run in runs) / case.processes
        for case, runs in evidence.runs.items()
    }
    busy = {case: share for case, share in shares.items() if share >= BUSY}
    if busy:
        worst = max(busy, key=lambda case: busy[case])
        yield ResultWarning(
            f"client CPU was {BUSY:.0%} of a core or more for each process in"
            f" {_of(len(busy), len(shares))}, most in {worst.title} ({busy[worst]:.0%})",
            "the GIL is the limit there, not the database: more tasks or threads only wait longer",
            "read CPU/op, not throughput; or let more processes share the clients:"
            " "
            + rerun.here(
                evidence.header,
                f"bench run --concurrency {max(4, worst.concurrency)} --processes"
                f" {worst.processes},{min(4 * worst.processes, max(4, worst.concurrency))}",
            ),
        )


def _not_held(evidence: _Evidence) -> Iterator[ResultWarning]:
    study = study_of(evidence.header.profile)
    if study and not study.warned:  # a search is to find rates that are not held
        return
    for parts in rate_warnings.not_held(evidence.header, evidence.summaries):
        yield ResultWarning(*parts)


def _late(evidence: _Evidence) -> Iterator[ResultWarning]:
    for parts in rate_warnings.late(evidence.summaries):
        yield ResultWarning(*parts)


def _cpu_ns(run: Run) -> int:
    return run.client_cpu_ns + (run.server_cpu_ns or 0)


def _of(some: int, all_: int) -> str:
    return f"{some} of {all_} cases"
