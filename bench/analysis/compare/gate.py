"""The gate: whether a run is slower than another by more than a margin, and what it cannot see.

    decision = decide([("new", compare_cases(old, new))], margin=0.1)
    decision.stopped, decision.suspects, decision.blind, decision.word

The chance that a gate stops anything although nothing changed is at most 5 %, for all cases and the
common ratio together (`bench.analysis.compare.family`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, inf
from statistics import median
from typing import Literal

from bench.analysis.compare.cases import Change, RunsCompared
from bench.analysis.compare.common_ratio import FEWEST_CASES, CommonRatio
from bench.analysis.compare.family import holm
from bench.analysis.stats import CONFIDENCE, Interval
from bench.model.case import Case

GateWord = Literal["passed", "slower", "blind"]

SEEN_SHARE = 0.9
"""The share of cases that must show a slowdown, for the gate to see it. The smallest visible
slowdown of a case is an estimate from few rounds, and the worst of a hundred is often far off."""

EXIT_CODES: Mapping[GateWord, int] = {"passed": 0, "slower": 1, "blind": 3}
"""The exit codes of a gate. 2 is a usage error, as in every command."""


@dataclass(frozen=True)
class GatedCase:
    """A case in one of the runs."""

    run: str
    case: Case
    change: Change


@dataclass(frozen=True)
class GatedCommon:
    """The common ratio of one of the runs."""

    run: str
    common: CommonRatio


@dataclass(frozen=True)
class GateDecision:
    """The decision of a gate with a margin."""

    margin: float
    """The permitted slowdown, as a share."""
    cases: int
    """The number of judged cases, in all runs."""
    stopped: tuple[GatedCase, ...]
    """The cases that are surely slower by more than the margin."""
    suspects: tuple[GatedCase, ...]
    """The cases that look slower by more than the margin, each by itself. It includes `stopped`."""
    common_stopped: tuple[GatedCommon, ...]
    """The runs whose cases are surely slower together by more than the margin."""
    common_suspects: tuple[GatedCommon, ...]
    blind: tuple[GatedCase, ...]
    """The cases that could have been slower by the margin, and would not have been seen."""
    blind_runs: tuple[str, ...]
    """The runs with more blind cases than `SEEN_SHARE` permits."""
    unclear: tuple[GatedCase, ...]
    """The cases that are surely slower than all cases together, but by more than the margin only as
    measured, or only without the common ratio. If the machine was the same, the former are slower
    by too much; if the rest of the code was the same, the latter are. Without a common ratio, those
    that are surely too slow, but not more than runs of the same code differ by themselves."""
    failed: tuple[GatedCase, ...]
    """The cases without a figure in the run, or with failures, that the base measured well."""
    common_blind: tuple[GatedCommon, ...]
    without_common: frozenset[str]
    """The runs of too few cases for a common ratio."""

    @property
    def word(self) -> GateWord:
        """The decision. `blind`: nothing was found, but not everything could be seen."""
        if self.stopped or self.common_stopped:
            return "slower"
        unseen = self.blind_runs or self.common_blind or self.unclear or self.failed
        return "blind" if unseen else "passed"

    def exit_code(self, *, allow_blind: bool = False) -> int:
        """Return 0 for passed, 1 for slower, 3 for blind; with `allow_blind`, 0 for blind."""
        return 0 if allow_blind and self.word == "blind" else EXIT_CODES[self.word]

    @property
    def doubtful(self) -> bool:
        """Whether something should be measured again before it stops."""
        return bool(self.doubtful_runs)

    @property
    def doubtful_runs(self) -> set[str]:
        """The runs with something to measure again."""
        cases = {gated.run for gated in self.suspects}
        return cases | {together.run for together in self.common_suspects}


@dataclass(frozen=True)
class Visibility:
    """The smallest slowdowns that the comparison with a run could have seen, as shares."""

    run: str
    typical: float | None
    """The median over cases; None if half of them could show no slowdown at all."""
    over_all: float | None
    """The slowdown that nine of ten cases would have shown; None if they could show none."""
    worst: GatedCase
    common: float | None
    """The figure of all cases together; None if there is none, or if it could show none."""
    has_common: bool


def decide(compared: Sequence[tuple[str, RunsCompared]], margin: float) -> GateDecision:
    """Return the decision on these runs, each compared with the same base.

    A case stops if two things are sure. It is slower than in the base: by Holm's method among all
    cases and common ratios, so that a run of the same code stops with a chance of at most 5 %. And
    it is slower by more than the margin: at the favourable end of its own interval, with the luck
    of processes, and beyond the noise floor. It is so without the common ratio, and as measured:
    where most cases became faster, the others look slower although nothing happened to them. Few
    cases have no common ratio: with several runs of the base's code, they must be slower than those
    by Holm's method, too. A case also stops if it surely no longer holds its arrival rate.
    """
    cases = [
        GatedCase(run, change.earlier.case, change)
        for run, pair in compared
        for change in pair.changes.values()
        if change.earlier and (change.is_judged or change.figure_lost)
    ]
    commons = [(GatedCommon(run, pair.common), pair) for run, pair in compared if pair.common]
    evidence = [
        *(gated.change.evidence for gated in cases),
        *(gated.common.evidence for gated, _ in commons),
    ]
    adjusted = holm([known.p_slower() if known else 1.0 for known in evidence])
    sure = [
        p_value <= 1 - CONFIDENCE
        and known is not None
        and known.p_slower(margin) <= (1 - CONFIDENCE) / 2
        for p_value, known in zip(adjusted, evidence, strict=True)
    ]
    suspects = [gated for gated in cases if _suspect(gated.change, margin)]
    alone = frozenset(run for run, pair in compared if pair.common is None)
    beyond_runs = {run: _beyond_same_code(pair) for run, pair in compared if run in alone}
    stopped: list[GatedCase] = []
    unclear: list[GatedCase] = []
    for gated, certain, p_value in zip(cases, sure, adjusted, strict=False):
        change = gated.change
        if change.word != "slower" or p_value > 1 - CONFIDENCE:
            continue
        without = certain and _suspect(change, margin) and _surely(change, change.ratio, margin)
        if gated.run in alone:
            if without:
                (stopped if gated.case in beyond_runs[gated.run] else unclear).append(gated)
        elif without and _measured_slowdown(change) > 1 + margin:
            stopped.append(gated)
        elif without or _surely(change, change.measured, margin):
            unclear.append(gated)
    stopped += [gated for gated in cases if gated.change.rate_lost]
    common_suspects = [
        (gated, certain)
        for (gated, pair), certain in zip(commons, sure[len(cases) :], strict=True)
        if pair.common_word == "slower" and gated.common.slowdown.median > 1 + margin
    ]
    blind = [
        gated
        for gated in cases
        if gated not in stopped
        if gated.change.visible is None or gated.change.visible > margin
    ]
    return GateDecision(
        margin=margin,
        cases=len(cases),
        stopped=tuple(stopped),
        suspects=tuple(suspects),
        common_stopped=tuple(
            gated
            for gated, certain in common_suspects
            if certain and (gated.common.slowdown.low or 0.0) > 1 + margin
        ),
        common_suspects=tuple(gated for gated, _ in common_suspects),
        blind=tuple(blind),
        blind_runs=_blind_runs(cases, blind),
        unclear=tuple(unclear),
        failed=tuple(gated for gated in cases if gated.change.newly_failed),
        common_blind=tuple(
            gated
            for gated, pair in commons
            if pair.common_visible is None or pair.common_visible > margin
        ),
        without_common=alone,
    )


def to_measure_again(decision: GateDecision, compared: RunsCompared) -> list[Case]:
    """Return the cases to measure again before the gate stops, in the order of the base.

    They are those in question, and as many controls as a common ratio needs, spread over the plan:
    the second measurement has a machine state of its own, and the controls show it. Without enough
    controls, they are all cases.
    """
    every = [change.earlier.case for change in compared.changes.values() if change.earlier]
    in_question = {gated.case for gated in decision.suspects}
    if compared.common is None:
        return [case for case in every if case in in_question]
    calm = [case for case in every if case not in in_question]
    if len(calm) < FEWEST_CASES:
        return every
    controls = {calm[number * len(calm) // FEWEST_CASES] for number in range(FEWEST_CASES)}
    return [case for case in every if case in in_question or case in controls]


def confirmed(first: GateDecision, pooled: GateDecision, second: GateDecision) -> GateDecision:
    """Return the decision after some cases were measured again.

    `first` is from the first measurement, `second` from the second one, and `pooled` from both. A
    case stops if it was suspected at first, and the rounds of both measurements are sure of it
    among all cases. For a lost rate, the second one must have lost it, too. The common ratio stops
    if the first is sure of it, and the second suspects it. So there is one decision that can be
    wrong, and not two: the second measurement can only acquit.
    """
    suspected = {gated.case for gated in first.suspects}
    lost_again = {gated.case for gated in second.stopped if gated.change.rate_lost}
    return replace(
        pooled,
        unclear=tuple(
            gated
            for gated in pooled.unclear
            if gated.case not in suspected
            or _surely(gated.change, gated.change.ratio, first.margin)
        ),
        stopped=tuple(
            gated
            for gated in pooled.stopped
            if gated.case in (lost_again if gated.change.rate_lost else suspected)
        ),
        common_stopped=first.common_stopped if second.common_suspects else (),
    )


def visibility_of(run: str, compared: RunsCompared) -> Visibility | None:
    """Return the smallest visible slowdowns; None if no case was compared."""
    cases = [
        GatedCase(run, change.earlier.case, change)
        for change in compared.changes.values()
        if change.earlier and change.ratio
    ]
    if not cases:
        return None
    seen = [inf if gated.change.visible is None else gated.change.visible for gated in cases]
    ordered = sorted(seen)
    typical, over_all = median(ordered), ordered[ceil(SEEN_SHARE * len(ordered)) - 1]
    return Visibility(
        run,
        None if typical == inf else typical,
        None if over_all == inf else over_all,
        cases[seen.index(max(seen))],
        compared.common_visible,
        compared.common is not None,
    )


def slowdown_of(change: Change) -> float | None:
    """Return the slowdown, as a factor: above 1 is slower, for every figure."""
    if change.ratio is None:
        return None
    return _as_slowdown(change, change.ratio.median)


def _surely(change: Change, ratio: Interval | None, margin: float) -> bool:
    """Return whether the least slowdown within the ratio's interval is more than the margin."""
    if ratio is None or ratio.low is None or ratio.high is None:
        return False
    return _as_slowdown(change, ratio.high if change.more_is_better else ratio.low) > 1 + margin


def _beyond_same_code(compared: RunsCompared) -> set[Case]:
    """Return the cases that are slower than several runs of the same code, among all such cases.

    A case without such runs is one of them: nothing speaks against it.
    """
    changes = {case: change.same_code for case, change in compared.changes.items()}
    known = {case: found for case, found in changes.items() if found}
    adjusted = holm([found.evidence.p_slower() for found in known.values()])
    within = {
        case for case, p_value in zip(known, adjusted, strict=True) if p_value > 1 - CONFIDENCE
    }
    return changes.keys() - within


def _measured_slowdown(change: Change) -> float:
    """Return the slowdown with the common ratio, as a factor."""
    assert change.measured is not None, "a case with a verdict was measured in both runs"
    return _as_slowdown(change, change.measured.median)


def _as_slowdown(change: Change, ratio: float) -> float:
    """Return the slowdown of a ratio of the figure, as a factor: above 1 is slower."""
    return 1 / ratio if change.more_is_better else ratio


def _blind_runs(cases: Sequence[GatedCase], blind: Sequence[GatedCase]) -> tuple[str, ...]:
    """Return the runs with too many blind cases. Each run is judged by itself: a blind one must not
    hide among others that see."""
    every, unseen = (Counter(gated.run for gated in some) for some in (cases, blind))
    return tuple(run for run, many in unseen.items() if many > (1 - SEEN_SHARE) * every[run])


def _suspect(change: Change, margin: float) -> bool:
    if change.rate_lost:
        return True
    slowdown = slowdown_of(change)
    return change.alone == "slower" and slowdown is not None and slowdown > 1 + margin
