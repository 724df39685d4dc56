"""What changed from one run to another, case by case."""

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
    """A case in two runs. `judged`: of throughput, the later over the earlier."""

    earlier: Summary
    later: Summary
    judged: Judgement | None
    """None where nothing can be said."""

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
    """Of the cases that both runs measured, in the order of the later one."""
    before = {each.case: each for each in earlier if each.rounds}
    floors = [floor for run in (earlier, later) if (floor := noise_floor(run))]
    floor = max(floors, key=lambda floor: floor.factor, default=None)
    return [
        Change(before[each.case], each, _judged(before[each.case], each, floor))
        for each in later
        if each.rounds and each.case in before and not each.case.twin
    ]


def _judged(earlier: Summary, later: Summary, floor: NoiseFloor | None) -> Judgement | None:
    if earlier.marked or later.marked:
        return None
    above, below = (list(each.by_round(THROUGHPUT).values()) for each in (later, earlier))
    return judge_runs(above, below, floor)


def between(found: Sequence[Change], earlier: str, later: str) -> list[Finding]:
    """In words: how many cases changed, and those that did, the largest change first.

    Nothing where both runs have rounds enough of no case.

    `earlier` and `later` are the names of the runs.
    """
    judged = [each for each in found if each.judged and each.judged.decided]
    if not judged:
        return []
    told = [each for each in judged if each.judged and each.judged.apart]
    chance = (1 - CONFIDENCE) * len(judged)
    counts = [f"{_count(told, verdict)} {verdict}" for verdict in ("faster", "slower")]
    sentence = (
        f"From `{earlier}` to `{later}`, of {cases(len(judged))} {counts[0]}, {counts[1]}, "
        f"{len(judged) - len(told)} indistinguishable."
    )
    evidence = f"by chance alone up to {chance:.0f} would be told apart"
    lead = Finding(TOPIC, sentence, evidence, tuple(each.case for each in judged))
    return [lead, *(_one(each, earlier, later) for each in sorted(told, key=_effect, reverse=True))]


def _one(change: Change, earlier: str, later: str) -> Finding:
    assert change.judged is not None
    ratio, case = change.judged.ratio, change.case
    what = f"`{case.backend}`, {work(case)}, {case.fetch}, at {case.concurrency}"
    if ratio.median > 1:
        sentence = f"{what}: {times(ratio)} as fast in `{later}` as in `{earlier}`."
    else:
        sentence = f"{what}: {times(inverse(ratio))} as fast in `{earlier}` as in `{later}`."
    return Finding(TOPIC, sentence, f"throughput, {rounds(ratio.rounds, paired=False)}", (case,))


def _count(told: Sequence[Change], verdict: str) -> int:
    return sum(1 for each in told if each.verdict == verdict)


def _effect(change: Change) -> float:
    assert change.judged is not None
    return max(change.judged.ratio.median, 1 / change.judged.ratio.median)
