"""How often a verdict is wrong where nothing differs, and how often it finds what does.

Measured, not assumed: four equal cases and three that wait on purpose, interleaved and shuffled as
in any run, in processes that are started anew for each generation. From those rounds, verdicts are
drawn as a run would give them: so many rounds of one generation, two of the equal cases as the
noise floor's pair, the other two (or one and a slowed one) to be compared.
"""

import random
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from statistics import median

import accessors
from bench.analysis.figure import THROUGHPUT, Figure
from bench.analysis.ratios import ENOUGH_ROUNDS
from bench.analysis.summary import Summary, of_case
from bench.analysis.verdict import Verdict, compare, noise_floor
from bench.measure import runner
from bench.measure.runner import Job
from bench.measure.worker_pool import WorkerPool
from bench.model.case import Case
from bench.model.dataset import Dataset
from bench.model.profiles import POINT_READ
from bench.model.timeout import TIMEOUT_S
from bench.results.entries import Run
from bench.studies.calibration import slowed

EQUAL = "psycopg2"
EQUALS = 4
"""A pair for the noise floor, and a pair to compare."""
COMPARISONS = 1_000
MOST_FALSE = 0.05
POWER = 0.8
"""How often a difference has to be found to say that so many rounds find it."""

Slowdown = float | None
"""By how much a case is slowed; None for one of the equals."""


@dataclass(frozen=True)
class Generation:
    """The rounds of one set of processes."""

    equals: tuple[Summary, ...]
    slowed: Mapping[float, Summary]
    """By how much longer its operations take."""


@dataclass(frozen=True)
class CalibrationConfig:
    """What is measured, how long, how often."""

    url: str = field(repr=False)
    dataset: Dataset
    concurrency: int = 1
    generations: int = 3
    rounds: int = 30
    """Of each generation."""
    seconds: float = 0.05
    warm_up_s: float = 0.03

    def job(self, backend: str, number: int) -> Job:
        case = Case(backend, POINT_READ, concurrency=self.concurrency, loop="none")
        module = accessors.BUILTIN.get(backend, slowed.__name__)
        return Job(case, module, self.url, self.dataset, number, self.seconds, self.warm_up_s)

    @property
    def runs(self) -> int:
        return self.generations * self.rounds * (EQUALS + len(slowed.SHARES))


def measure(setting: CalibrationConfig, on_run: Callable[[], None]) -> list[Generation]:
    """All generations. Raises `WorkError` where a run gives nothing."""
    return [_generation(setting, number, on_run) for number in range(setting.generations)]


def _generation(
    setting: CalibrationConfig, generation: int, on_run: Callable[[], None]
) -> Generation:
    backends = {f"{EQUAL} {number}": EQUAL for number in range(EQUALS)}
    backends |= {slowed.name_of(share): slowed.name_of(share) for share in slowed.SHARES}
    runs: dict[str, list[Run]] = {process: [] for process in backends}
    with WorkerPool() as crew:
        for number in range(setting.rounds):
            order = random.Random(f"{generation}/{number}").sample(list(backends), len(backends))
            for process in order:
                job = setting.job(backends[process], number)
                pending = crew.submit(process, runner.take_turn, job)
                runs[process].append(crew.result(pending, TIMEOUT_S))
                on_run()
    summaries = {process: of_case(own[0].case, own, [], []) for process, own in runs.items()}
    return Generation(
        tuple(summaries[process] for process, backend in backends.items() if backend == EQUAL),
        {share: summaries[slowed.name_of(share)] for share in slowed.SHARES},
    )


def verdicts(
    generations: list[Generation],
    slowdown: Slowdown,
    rounds: int,
    figure: Figure = THROUGHPUT,
    *,
    floored: bool = True,
) -> Iterator[Verdict]:
    """A thousand verdicts on a case against an equal one, each from so many rounds drawn at random.

    Without replacement, of one generation, the same rounds for all four cases. Seeded.
    `floored=False`: by the interval alone.
    """
    draw = random.Random(f"{slowdown}/{rounds}")
    for _ in range(COMPARISONS):
        generation = draw.choice(generations)
        one, twin, a, b = draw.sample(generation.equals, EQUALS)
        if slowdown is not None:
            b = generation.slowed[slowdown]
        numbers = set(draw.sample([each.number for each in a.rounds], rounds))
        one, twin, a, b = (_only(each, numbers) for each in (one, twin, a, b))
        twin = replace(twin, case=replace(twin.case, twin=True))
        floor = noise_floor([one, twin], figure) if floored else None
        yield compare(a, b, figure, floor)


def share_found(found: Iterator[Verdict]) -> float:
    """Of the verdicts, how many see a difference: true or false, as the case may be."""
    words = [verdict.word for verdict in found]
    return sum(word in ("faster", "slower") for word in words) / len(words)


def rounds_needed(
    generations: list[Generation], slowdown: float, most: int, figure: Figure = THROUGHPUT
) -> int | None:
    """The fewest rounds that find it in `POWER` of all cases; None where `most` do not.

    By bisection: more rounds find more.
    """
    asked = range(ENOUGH_ROUNDS, most + 1)
    place = bisect_left(
        asked,
        POWER,
        key=lambda rounds: share_found(verdicts(generations, slowdown, rounds, figure)),
    )
    return asked[place] if place < len(asked) else None


def measured_slowdown(generations: list[Generation], slowdown: float) -> float:
    """What the busy wait came to: the median ratio of p50 latencies, less 1."""
    ratios = [
        slow.latency_ns["p50"].median / equal.latency_ns["p50"].median
        for generation in generations
        for slow in [generation.slowed[slowdown]]
        for equal in generation.equals
    ]
    return median(ratios) - 1


def _only(summary: Summary, numbers: set[int]) -> Summary:
    return replace(summary, rounds=tuple(e for e in summary.rounds if e.number in numbers))
