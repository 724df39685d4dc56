"""The changes from one run to another, case by case."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.analysis.figure import THROUGHPUT
from bench.analysis.findings.finding import Finding, cases, inverse, rounds, times, work
from bench.analysis.findings.judge import Judgement, judge_runs
from bench.analysis.stats import CONFIDENCE
from bench.analysis.summary import Summary
from bench.analysis.verdict import NoiseFloor, noise_floor
from bench.model.case import Case

TOPIC = "Between the runs"


@dataclass(frozen=True)
class Change:
    """A case in two runs. `judged` is the ratio of throughput, the later run over the earlier."""

    earlier: Summary
    later: Summary
    judged: Judgement | None
    """None if there are too few rounds, or something failed."""

    @property
    def case(self) -> Case:
        return self.later.case

    @property
    def verdict(self) -> str:
        """`faster`, `slower`, `indistinguishable`, `undecided`, or `unknown`."""
        if self.judged is None:
            return "unknown"
        if not self.judged.decided:
            return "undecided"
        if not self.judged.apart:
            return "indistinguishable"
        return "faster" if self.judged.ratio.median > 1 else "slower"


def changes(earlier: Sequence[Summary], later: Sequence[Summary]) -> list[Change]:
    """Return the changes of the cases that both runs measured, in the later run's order."""
    before = {summary.case: summary for summary in earlier if summary.rounds}
    floors = [floor for run in (earlier, later) if (floor := noise_floor(run))]
    floor = max(floors, key=lambda floor: floor.factor, default=None)
    return [
        Change(before[summary.case], summary, _judged(before[summary.case], summary, floor))
        for summary in later
        if summary.rounds and summary.case in before and not summary.case.twin
    ]


def _judged(earlier: Summary, later: Summary, floor: NoiseFloor | None) -> Judgement | None:
    if earlier.marked or later.marked:
        return None
    above, below = (list(run.by_round(THROUGHPUT).values()) for run in (later, earlier))
    return judge_runs(above, below, floor)


def between(found: Sequence[Change], earlier: str, later: str) -> list[Finding]:
    """Return a finding that counts the changed cases, then one a changed case, the largest first.

    Return nothing if no case has enough rounds in both runs.

    `earlier` and `later` are the names of the runs.
    """
    judged = [change for change in found if change.judged and change.judged.decided]
    if not judged:
        return []
    apart = [change for change in judged if change.judged and change.judged.apart]
    chance = (1 - CONFIDENCE) * len(judged)
    counts = [f"{_count(apart, verdict)} {verdict}" for verdict in ("faster", "slower")]
    sentence = (
        f"From `{earlier}` to `{later}`, of {cases(len(judged))} {counts[0]}, {counts[1]}, "
        f"{len(judged) - len(apart)} indistinguishable."
    )
    evidence = f"by chance alone up to {chance:.0f} would seem different"
    lead = Finding(TOPIC, sentence, evidence, tuple(change.case for change in judged))
    return [
        lead,
        *(_one(change, earlier, later) for change in sorted(apart, key=_effect, reverse=True)),
    ]


def _one(change: Change, earlier: str, later: str) -> Finding:
    assert change.judged is not None
    ratio, case = change.judged.ratio, change.case
    what = f"`{case.backend}`, {work(case)}, {case.fetch}, at {case.concurrency}"
    if ratio.median > 1:
        sentence = f"{what}: {times(ratio)} as fast in `{later}` as in `{earlier}`."
    else:
        sentence = f"{what}: {times(inverse(ratio))} as fast in `{earlier}` as in `{later}`."
    return Finding(TOPIC, sentence, f"throughput, {rounds(ratio.rounds, paired=False)}", (case,))


def _count(changed: Sequence[Change], verdict: str) -> int:
    return sum(1 for change in changed if change.verdict == verdict)


def _effect(change: Change) -> float:
    assert change.judged is not None
    return max(change.judged.ratio.median, 1 / change.judged.ratio.median)
