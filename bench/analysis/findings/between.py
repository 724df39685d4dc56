"""The changes from one run to another, as findings."""

from collections.abc import Sequence
from math import inf

from bench.analysis.compare.cases import Change, RunsCompared
from bench.analysis.figure import THROUGHPUT, Figure
from bench.analysis.findings.finding import Finding, cases, inverse, rounds, times, work
from bench.model.case import Case

TOPIC = "Between the runs"


def between(
    compared: RunsCompared, earlier: str, later: str, figure: Figure = THROUGHPUT
) -> list[Finding]:
    """Return a finding that counts the changed cases, then one a changed case, the largest first.

    If the runs have a common ratio that differs from 1, a finding names it first. Return nothing if
    no case has enough rounds in both runs. `earlier` and `later` are the names of the runs, and
    `figure` is what they were compared by.
    """
    judged = [change for change in compared.changes.values() if change.alone != "undecided"]
    if not judged:
        return []
    apart = [change for change in judged if change.word in ("faster", "slower")]
    counts = [f"{_count(apart, word)} {word}" for word in ("faster", "slower")]
    sentence = (
        f"From `{earlier}` to `{later}`, of {cases(len(judged))} {counts[0]}, {counts[1]}, "
        f"{len(judged) - len(apart)} indistinguishable."
    )
    evidence = "by chance alone, one of twenty such comparisons would name any case"
    lead = Finding(TOPIC, sentence, evidence, tuple(_case(change) for change in judged))
    return [
        *_together(compared, earlier, later),
        lead,
        *(
            _one(change, earlier, later, figure)
            for change in sorted(apart, key=_effect, reverse=True)
        ),
    ]


def _together(compared: RunsCompared, earlier: str, later: str) -> list[Finding]:
    if compared.common is None or compared.common_word not in ("faster", "slower"):
        return []
    slowdown = compared.common.slowdown
    fast, slow = (later, earlier) if compared.common_word == "faster" else (earlier, later)
    ratio = inverse(slowdown) if compared.common_word == "faster" else slowdown
    sentence = (
        f"All cases together are {times(ratio)} as fast in `{fast}` as in `{slow}`. The ratios of"
        " single cases are relative to that."
    )
    evidence = f"{cases(compared.common.cases)}, {rounds(slowdown.rounds, paired=False)}"
    return [Finding(TOPIC, sentence, evidence)]


def _one(change: Change, earlier: str, later: str, figure: Figure) -> Finding:
    ratio, case = change.ratio, _case(change)
    what = f"`{case.backend}`, {work(case)}, {case.fetch}, at {case.concurrency}"
    if ratio is None:
        return Finding(TOPIC, f"{what}: {case.rate:,}/s {change}.", "Fisher's exact test", (case,))
    if not figure.more_is_better:
        ratio = inverse(ratio)
    if ratio.median > 1:
        sentence = f"{what}: {times(ratio)} as fast in `{later}` as in `{earlier}`."
    else:
        sentence = f"{what}: {times(inverse(ratio))} as fast in `{earlier}` as in `{later}`."
    evidence = f"{figure.words}, {rounds(ratio.rounds, paired=False)}"
    return Finding(TOPIC, sentence, evidence, (case,))


def _case(change: Change) -> Case:
    assert change.later is not None
    return change.later.case


def _count(changed: Sequence[Change], word: str) -> int:
    return sum(1 for change in changed if change.word == word)


def _effect(change: Change) -> float:
    if change.ratio is None:  # a rate that was lost
        return inf
    return max(change.ratio.median, 1 / change.ratio.median)
