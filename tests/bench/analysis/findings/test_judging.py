"""Noise is not a difference, and few rounds are undecided, within a run and between two."""

from random import Random

import pytest

from bench.analysis.compare.cases import MeasuredRun, compare_cases
from bench.analysis.findings import Finding, between
from bench.analysis.findings.judge import judge, judge_rounds
from bench.analysis.ratios import ENOUGH_ROUNDS
from bench.analysis.summary import summarise
from bench.analysis.verdict import compare
from tests.bench.analysis.findings.made_results import BARE, ORM, both, taken


@pytest.mark.parametrize("rounds", range(6, 12))
def test_findings_and_verdicts_agree_where_verdicts_decide(rounds: int) -> None:
    random = Random(rounds)
    for shift in (1.0, 1.05, 1.3):
        for _ in range(20):
            one, other = (
                taken(case, [int(1e6 * by * random.lognormvariate(0, 0.1)) for _ in range(rounds)])
                for case, by in ((BARE, 1.0), (ORM, shift))
            )
            bare, orm = summarise(both(one, other))
            judged = judge(orm, bare, None)
            assert judged
            assert judged.apart == (compare(bare, orm).word in ("faster", "slower"))


def test_noise_is_called_a_difference_no_more_than_it_may_be() -> None:
    """A/A: both sides from one distribution. At 95 % about one of twenty; of few rounds, none."""
    random = Random(3)

    def noise(rounds: int) -> dict[int, float]:
        return {number: random.lognormvariate(0, 0.2) for number in range(rounds)}

    for rounds in (2, 5, 6, 10):
        judged = [judge_rounds(noise(rounds), noise(rounds)) for _ in range(400)]
        wrong = sum(each.apart for each in judged if each)
        assert wrong <= (0.08 * 400 if rounds >= ENOUGH_ROUNDS else 0), (rounds, wrong)


def test_a_real_difference_is_seen_through_noise() -> None:
    random = Random(3)
    slow = {number: 2 * random.lognormvariate(0, 0.1) for number in range(ENOUGH_ROUNDS)}
    quick = {number: random.lognormvariate(0, 0.1) for number in range(ENOUGH_ROUNDS)}
    judged = judge_rounds(slow, quick)
    assert judged
    assert judged.apart


@pytest.mark.parametrize("rounds", [2, ENOUGH_ROUNDS - 1])
def test_of_few_rounds_nothing_is_called_different_nor_alike(rounds: int) -> None:
    slow, quick = dict.fromkeys(range(rounds), 4.0), dict.fromkeys(range(rounds), 1.0)
    judged = judge_rounds(slow, quick)
    assert judged
    assert not judged.decided
    assert not judged.apart
    before, after = (summarise(taken(BARE, [ns] * rounds)) for ns in (10**6, 4 * 10**6))
    found = compare_cases(MeasuredRun(before), MeasuredRun(after))
    assert [change.word for change in found.changes.values()] == ["undecided"]
    assert between.between(found, "a", "b") == []


def test_a_ratio_and_its_inverse_are_judged_alike() -> None:
    bare, orm = summarise(both(taken(BARE, [10**6] * 6), taken(ORM, [4 * 10**6] * 6)))
    there, back = judge(bare, orm, None), judge(orm, bare, None)
    assert there
    assert back
    assert there.apart
    assert back.apart
    assert there.ratio.median * back.ratio.median == pytest.approx(1)


def test_between_runs_what_changed_is_named_with_how_much() -> None:
    before = summarise(taken(BARE, [1_000_000, 1_020_000, 990_000, 1_005_000] * 2))
    after = summarise(taken(BARE, [1_250_000, 1_260_000, 1_240_000, 1_255_000] * 2))
    found = compare_cases(MeasuredRun(before), MeasuredRun(after))
    assert [change.word for change in found.changes.values()] == ["slower"]
    lead, one = between.between(found, "a", "b")
    assert "0 faster, 1 slower, 0 indistinguishable" in lead.sentence
    assert "as fast in `a` as in `b`" in one.sentence


def test_between_runs_the_same_is_indistinguishable() -> None:
    made = summarise(taken(BARE, [1_000_000, 1_020_000, 990_000] * 2))
    found = compare_cases(MeasuredRun(made), MeasuredRun(made))
    assert [change.word for change in found.changes.values()] == ["indistinguishable"]
    findings_ = between.between(found, "a", "a again")
    assert len(findings_) == 1
    assert isinstance(findings_[0], Finding)


def test_between_runs_one_round_says_nothing() -> None:
    made = summarise(taken(BARE, [1_000_000]))
    found = compare_cases(MeasuredRun(made), MeasuredRun(made))
    assert between.between(found, "a", "b") == []
