"""Error rates and power of intervals, noise floors, verdicts and gates, by simulation.

Every function is pure: the same arguments give the same figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from statistics import median

import numpy as np

from bench.analysis import stats
from bench.analysis.compare.cases import Again, MeasuredRun, compare_cases
from bench.analysis.compare.gate import GateDecision, confirmed, decide, to_measure_again
from bench.analysis.noise_floor import EqualPair, NoiseFloor
from bench.analysis.ratios import ratio_of_rounds, ratio_of_runs
from bench.analysis.verdict import apart
from bench.model.case import Case
from bench.model.profiles import POINT_READ
from bench.studies.audit.made_runs import Floats, Shape, Truth, made_run, noise, plan

ONE, MANY = Case("equal", POINT_READ), Case("equal", POINT_READ, concurrency=16)


def interval_coverage(rounds: int, shape: Shape, trials: int = 20_000) -> float:
    """Return how often the interval of the median holds the true median."""
    random = np.random.default_rng(rounds)
    values = np.sort(noise(random, shape, (trials, rounds)), axis=1)
    true = 0.0 if shape != "outliers" else _median_with_outliers()
    rank = stats.interval_rank(rounds)
    return float(np.mean((values[:, rank - 1] <= true) & (values[:, -rank] >= true)))


def bootstrap_coverage(rounds: int, trials: int = 2_000, resamples: int = 999) -> float:
    """Return how often the percentile bootstrap, which was used before, holds the true median."""
    random = np.random.default_rng(rounds)
    held = 0
    for values in random.normal(size=(trials, rounds)):
        medians = np.median(random.choice(values, size=(resamples, rounds)), axis=1)
        low, high = np.quantile(medians, [0.025, 0.975])
        held += low <= 0 <= high
    return held / trials


def floor_false_alarms(
    rounds: int, luck: float, shape: Shape = "normal", trials: int = 400
) -> float:
    """Return how often two equal cases of a run are called different.

    `luck` is the deviation of the ratio of two equal processes, in standard errors of a ratio.
    """
    random = np.random.default_rng([rounds, round(10 * luck)])
    wrong = 0
    for _ in range(trials):
        pairs = tuple(
            EqualPair(case, tuple(_paired(random, rounds, luck, shape).tolist()))
            for case in (ONE, ONE, MANY, MANY)
        )
        logs = _paired(random, rounds, luck, shape)
        ratios = {number: float(np.exp(log)) for number, log in enumerate(logs)}
        ratio = ratio_of_rounds(ratios, dict.fromkeys(ratios, 1.0))
        wrong += apart(ratio, NoiseFloor(pairs).for_case(ONE))
    return wrong / trials


@dataclass(frozen=True)
class GateRates:
    """The shares of gates that did something, over many pairs of runs."""

    stopped_wrongly: float
    """The share of gates that stopped a case that is not slower, or all cases together."""
    stopped: float
    """The share of gates that stopped a slower case, of those with one."""
    stopped_together: float
    """The share of gates that stopped all cases together."""
    suspected: float
    """The share of gates that suspected the first slower case before measuring again."""
    blind: float
    """The share of gates that were blind."""
    named: float
    """The share of comparisons whose table calls any unchanged case faster or slower."""
    visible: float
    """The smallest visible slowdown, as a share: the median over cases and gates."""


def gate_rates(
    truth: Truth, margin: float, trials: int = 200, *, again: bool = False, seed: int = 1
) -> GateRates:
    """Return what a gate does on simulated runs. `again` measures again what would stop.

    The first run is the reference, and the second one is gated. With `truth.same_code`, so many
    further runs of the reference's code are there, each of a day of its own.
    """
    random = np.random.default_rng(seed)
    slower = set(plan(truth)[truth.cases - truth.slower : truth.cases])
    counts: list[tuple[bool, bool, bool, bool, bool, bool]] = []
    visible = []
    for _ in range(trials):
        day = random.normal() * truth.day if truth.one_day else None
        base, other = made_run(truth, random), made_run(truth, random, later=True, day=day)
        alike = [made_run(truth, random) for _ in range(truth.same_code)]
        compared = compare_cases(base, other, same_code=alike)
        decision = first = decide([("later", compared)], margin)
        if again and first.doubtful:
            in_question = to_measure_again(first, compared)
            runs = (base, other, *alike)
            decision = _again(truth, random, runs, first, in_question, margin, day)
        stopped = {gated.case for gated in decision.stopped}
        named = {
            change.earlier.case
            for change in compared.changes.values()
            if change.earlier and change.word in ("faster", "slower")
        }
        counts.append(
            (
                bool(stopped - slower) or bool(decision.common_stopped and not truth.uniform),
                bool(stopped & slower),
                bool(decision.common_stopped),
                bool(slower & {gated.case for gated in first.suspects}),
                decision.word == "blind",
                bool(named - slower),
            )
        )
        seen = [change.visible for change in compared.changes.values()]
        visible.append(median(np.inf if share is None else share for share in seen))
    wrong, right, common_stopped, suspected, blind, any_named = np.mean(counts, axis=0).tolist()
    return GateRates(
        wrong,
        right,
        common_stopped,
        suspected,
        blind,
        any_named,
        float(median(visible)),
    )


def old_gate_stops(truth: Truth, margin: float, trials: int = 200, seed: int = 1) -> float:
    """Return how often the gate of before stopped anything: each case by itself, one A/A pair."""
    random = np.random.default_rng(seed)
    stops = 0
    for _ in range(trials):
        base, other = _by_case(made_run(truth, random)), _by_case(made_run(truth, random))
        twin = next(case for case in base if case.twin)
        pairs = [(run[replace(twin, twin=False)], run[twin]) for run in (base, other)]
        floors = [old_floor(*pair) for pair in pairs]
        stops += any(
            _old_stop(base[case], other[case], max(floors), margin)
            for case in base
            if not case.twin
        )
    return stops / trials


def _again(
    truth: Truth,
    random: np.random.Generator,
    runs: Sequence[MeasuredRun],
    first: GateDecision,
    cases: Sequence[Case],
    margin: float,
    day: float | None,
) -> GateDecision:
    base, other, *alike = runs
    places = [place for place, case in enumerate(plan(truth)[: truth.cases]) if case in cases]
    longer = replace(truth, rounds=2 * truth.rounds, sets=2 * truth.sets)
    second = made_run(longer, random, later=True, only=places, day=day)
    in_question = frozenset(gated.case for gated in first.suspects)
    pooled = compare_cases(base, other, again=Again(second, in_question), same_code=alike)
    return confirmed(
        first,
        decide([("later", pooled)], margin),
        decide([("later", compare_cases(base, second))], margin),
    )


def _paired(random: np.random.Generator, rounds: int, luck: float, shape: Shape) -> Floats:
    return 0.03 * (noise(random, shape, (rounds,)) + random.normal() * luck / sqrt(rounds))


def _median_with_outliers() -> float:
    """Return the median of the noise with outliers, which are all on one side."""
    values = noise(np.random.default_rng(0), "outliers", (2_000_000,))
    return float(np.median(values))


def _by_case(run: MeasuredRun) -> dict[Case, list[float]]:
    return {s.case: [r.throughput_per_s for r in s.rounds] for s in run.summaries}


def old_floor(case: Sequence[float], twin: Sequence[float]) -> float:
    """Return the noise floor of before: the far end of the interval of one A/A pair."""
    ratio = ratio_of_rounds(dict(enumerate(twin)), dict(enumerate(case)))
    assert ratio is not None, "there are rounds"
    assert ratio.low is not None, "there are several"
    assert ratio.high is not None, "there are several"
    return max(ratio.high, 1 / ratio.low)


def _old_stop(base: Sequence[float], other: Sequence[float], floor: float, margin: float) -> bool:
    ratio = ratio_of_runs(other, base)
    if ratio is None or ratio.high is None or not apart(ratio, floor) or ratio.median > 1:
        return False
    return 1 / ratio.high - 1 > margin
