"""The share of verdicts that are wrong for equal cases, and the share that find a real difference.

Both are measured. Four equal cases and three slowed ones run interleaved and shuffled, as in any
run. Each generation has new processes. A verdict is then made from some of these rounds, as a run
would make it: the rounds come from one generation, two of the equal cases are the A/A pair of the
noise floor, and the other two, or an equal and a slowed one, are compared.
"""

import random
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from statistics import median

import accessors
from bench.analysis.figure import THROUGHPUT, Figure
from bench.analysis.ratios import ENOUGH_ROUNDS, ratio_of_rounds
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary, of_case
from bench.analysis.verdict import Verdict, compare, noise_floor
from bench.measure import runner
from bench.measure.runner import Job
from bench.measure.worker_pool import WorkerPool
from bench.measure.worker_process import WorkError
from bench.model.case import Case
from bench.model.dataset import Dataset
from bench.model.errors import BenchError
from bench.model.profiles import POINT_READ
from bench.model.timeout import TIMEOUT_S
from bench.model.window import longest_s
from bench.results.entries import Run
from bench.studies.calibration import slowed

EQUAL = "psycopg2"
EQUALS = 4
"""The number of equal cases: a pair for the noise floor, and a pair to compare."""
COMPARISONS = 1_000
MOST_FALSE = 0.05
POWER = 0.8
"""The share of verdicts that must find a difference, to say that a number of rounds finds it."""

Slowdown = float | None
"""The share by which a case is slowed; None for one of the equal cases."""


@dataclass(frozen=True)
class Generation:
    """The rounds of one set of processes."""

    equals: tuple[Summary, ...]
    slowed: Mapping[float, Summary]
    """The slowed cases, by the share by which their operations take longer."""

    @property
    def amount(self) -> int:
        """The number of rounds that all of its cases have."""
        return min(len(case.rounds) for case in (*self.equals, *self.slowed.values()))


@dataclass(frozen=True)
class OwnWorkload:
    """A workload of the user's own, which the cases perform in place of the point read."""

    case: Case
    """Every factor but the concurrency."""
    functions: tuple[str, ...]
    """The operations, each of which is slowed."""
    job: Callable[[Case, int], Job]
    """Returns the job of a case's round."""
    restore: Callable[[], None] | None = None
    """Brings the rows back after each turn; None if nothing is written."""
    renewed: bool = False
    """Whether `restore` makes the database again, so that no session may be open."""


@dataclass(frozen=True)
class CalibrationConfig:
    """The options of a calibration: what is measured, for how long, and how often."""

    url: str = field(repr=False)
    dataset: Dataset
    concurrency: int = 1
    generations: int = 3
    rounds: int = 30
    """The rounds of each generation."""
    seconds: float = 0.05
    warm_up_s: float = 0.03
    own: OwnWorkload | None = None
    timeout_s: float = TIMEOUT_S

    @property
    def backend(self) -> str:
        """The backend of the equal cases."""
        return self.own.case.backend if self.own else EQUAL

    def job(self, share: Slowdown, number: int) -> Job:
        """Return the job of a case's round. `share`: that of its busy wait."""
        if self.own:
            job = self.own.job(replace(self.own.case, concurrency=self.concurrency), number)
            return replace(job, seconds=self.seconds, warm_up_s=self.warm_up_s)
        backend = EQUAL if share is None else slowed.name_of(share)
        case = Case(backend, POINT_READ, concurrency=self.concurrency, loop="none")
        module = accessors.BUILTIN.get(backend, slowed.__name__)
        return Job(case, module, self.url, self.dataset, number, self.seconds, self.warm_up_s)

    @property
    def runs(self) -> int:
        return self.generations * self.rounds * (EQUALS + len(slowed.SHARES))


def measure(
    setting: CalibrationConfig, on_run: Callable[[], None], measured: list[Generation]
) -> None:
    """Measure all generations, and append each to `measured` when it ends.

    If it is interrupted, the last one has the rounds that were complete, unless they are too few
    for a verdict. Raises `BenchError` if a run has no result, or operations fail.
    """
    for number in range(setting.generations):
        runs: dict[str, list[Run]] = {process: [] for process in _processes()}
        try:
            _take_rounds(setting, number, on_run, runs)
        finally:
            complete = min(map(len, runs.values()))
            if complete >= ENOUGH_ROUNDS:
                measured.append(_summed_up(runs, complete))


def _processes() -> dict[str, Slowdown]:
    """Return the worker process of each case, with the share by which the case is slowed."""
    shares: dict[str, Slowdown] = {f"{EQUAL} {number}": None for number in range(EQUALS)}
    return shares | {slowed.name_of(share): share for share in slowed.SHARES}


def _take_rounds(
    setting: CalibrationConfig,
    generation: int,
    on_run: Callable[[], None],
    runs: Mapping[str, list[Run]],
) -> None:
    """Measure the rounds of a generation, and add each to the runs of its process."""
    shares = _processes()
    latency_s: dict[str, float] = {}
    with WorkerPool() as pool:
        for number in range(setting.rounds):
            order = random.Random(f"{generation}/{number}").sample(list(shares), len(shares))
            for process in order:
                job = setting.job(shares[process], number)
                job = replace(job, latency_s=latency_s.get(process))
                run = _turn(pool, process, setting, shares[process], job)
                runs[process].append(run)
                # Little's law, as in `bench.execution.turns`: a window is as long as operations ask
                taken_s = run.elapsed_ns / 1e9
                latency_s[process] = setting.concurrency * taken_s / len(run.samples)
                on_run()


def _summed_up(runs: Mapping[str, list[Run]], rounds: int) -> Generation:
    """Return the generation of the first rounds of each process."""
    summaries = {
        process: of_case(entries[0].case, entries[:rounds], [], [])
        for process, entries in runs.items()
    }
    return Generation(
        tuple(summaries[process] for process, share in _processes().items() if share is None),
        {share: summaries[slowed.name_of(share)] for share in slowed.SHARES},
    )


def _turn(
    pool: WorkerPool, process: str, setting: CalibrationConfig, share: Slowdown, job: Job
) -> Run:
    """Measure one turn, and bring the rows back."""
    own = setting.own
    if own is None or share is None:
        pending = pool.submit(process, runner.take_turn, job)
    else:
        pending = pool.submit(process, slowed.take_turn, job, share, own.functions)
    timeout_s = job.lasts_s + longest_s(job.seconds) + setting.timeout_s
    try:
        run = pool.result(pending, timeout_s)
        if own and own.renewed:
            pool.result(pool.submit(process, runner.close_all), setting.timeout_s)
    except WorkError as error:
        raise _failed(job, str(error)) from None
    if run.samples.errors:
        raise _failed(job, next(iter(run.samples.errors.values())))
    if own and own.restore:
        own.restore()
    return run


def _failed(job: Job, reason: str) -> BenchError:
    case = job.case
    return BenchError(
        f"{case.workload} failed on {case.backend} ({reason}).\n"
        "Correct it. Failed operations have no time, so nothing can be calibrated."
    )


def verdicts(
    generations: list[Generation],
    slowdown: Slowdown,
    rounds: int,
    figure: Figure = THROUGHPUT,
    *,
    floored: bool = True,
) -> Iterator[Verdict]:
    """Yield a thousand verdicts on a case against an equal one, each from `rounds` random rounds.

    The rounds are drawn without replacement from one generation that has enough, and are the same
    for all four cases. The draw is seeded. `floored=False`: the verdict depends on the interval
    alone.
    """
    draw = random.Random(f"{slowdown}/{rounds}")
    long_enough = [generation for generation in generations if generation.amount >= rounds]
    for _ in range(COMPARISONS):
        generation = draw.choice(long_enough)
        first, twin, a, b = draw.sample(generation.equals, EQUALS)
        if slowdown is not None:
            b = generation.slowed[slowdown]
        numbers = set(draw.sample([round_.number for round_ in a.rounds], rounds))
        first, twin, a, b = (_only(summary, numbers) for summary in (first, twin, a, b))
        twin = replace(twin, case=replace(twin.case, twin=True))
        floor = noise_floor([first, twin], figure) if floored else None
        yield compare(a, b, figure, floor)


def share_found(verdicts: Iterator[Verdict]) -> float:
    """Return the share of the verdicts that state a difference, whether rightly or wrongly."""
    words = [verdict.word for verdict in verdicts]
    return sum(word in ("faster", "slower") for word in words) / len(words)


def rounds_needed(
    generations: list[Generation], slowdown: float, most: int, figure: Figure = THROUGHPUT
) -> int | None:
    """Return the fewest rounds that find the slowdown in a share `POWER` of the verdicts.

    Return None if `most` rounds are not enough. The search is by bisection, because more rounds
    find more.
    """
    candidates = range(ENOUGH_ROUNDS, most + 1)
    place = bisect_left(
        candidates,
        POWER,
        key=lambda rounds: share_found(verdicts(generations, slowdown, rounds, figure)),
    )
    return candidates[place] if place < len(candidates) else None


def realised_slowdown(
    generations: list[Generation], slowdown: float, figure: Figure = THROUGHPUT
) -> float:
    """Return the slowdown of this figure that the busy wait really caused, as a share.

    A wait of 5 % of a call need not be 5 % of the figure: the client waits for other things too,
    and a wait on the processor changes what follows. So a row of the table is named by this share.
    It is the median ratio of paired rounds, over all equal processes of all generations.
    """
    ratios = [
        ratio.median
        for generation in generations
        for equal in generation.equals
        if (ratio := _ratio(generation.slowed[slowdown], equal, figure))
    ]
    middle = median(ratios)
    return (1 / middle if figure.more_is_better else middle) - 1


def _ratio(slowed_case: Summary, equal: Summary, figure: Figure) -> Interval | None:
    return ratio_of_rounds(slowed_case.by_round(figure), equal.by_round(figure))


def _only(summary: Summary, numbers: set[int]) -> Summary:
    return replace(summary, rounds=tuple(r for r in summary.rounds if r.number in numbers))
