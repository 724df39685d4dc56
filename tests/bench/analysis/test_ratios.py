"""Ratios over rounds, against definitions and scipy's tests.

A test that needs scipy.stats imports it itself: it takes a second, and each worker of the suite
imports every module of tests.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.ratios import ENOUGH_ROUNDS, ratio_of_rounds, ratio_of_runs
from bench.analysis.stats import Interval

positive = st.floats(1e-3, 1e9)
pairs = st.lists(st.tuples(positive, positive), min_size=2, max_size=12)
sides = st.lists(positive, min_size=2, max_size=12)


def bounds(found: Interval | None) -> tuple[float, float, float]:
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    return found.low, found.median, found.high


def numbered(
    values: "list[float] | np.ndarray[tuple[int], np.dtype[np.float64]]",
) -> dict[int, float]:
    return dict(enumerate(float(value) for value in values))


@given(pairs)
def test_a_ratio_turned_over_is_its_inverse(values: list[tuple[float, float]]) -> None:
    one, other = numbered([a for a, _ in values]), numbered([b for _, b in values])
    low, median, high = bounds(ratio_of_rounds(one, other))
    assert bounds(ratio_of_rounds(other, one)) == pytest.approx((1 / high, 1 / median, 1 / low))


@given(sides, sides)
def test_a_ratio_of_runs_turned_over_is_its_inverse(one: list[float], other: list[float]) -> None:
    low, median, high = bounds(ratio_of_runs(one, other))
    assert bounds(ratio_of_runs(other, one)) == pytest.approx((1 / high, 1 / median, 1 / low))


@given(pairs, st.floats(0.01, 100))
def test_a_slowdown_moves_the_ratio_by_as_much(
    values: list[tuple[float, float]], factor: float
) -> None:
    one, other = numbered([a for a, _ in values]), numbered([b for _, b in values])
    slower = {number: value * factor for number, value in one.items()}
    before, after = bounds(ratio_of_rounds(one, other)), bounds(ratio_of_rounds(slower, other))
    assert after == pytest.approx([factor * bound for bound in before])
    before = bounds(ratio_of_runs(list(one.values()), list(other.values())))
    after = bounds(ratio_of_runs(list(slower.values()), list(other.values())))
    assert after == pytest.approx([factor * bound for bound in before])


@given(pairs)
def test_an_interval_encloses_its_ratio_and_lies_within_the_pairs(
    values: list[tuple[float, float]],
) -> None:
    found = ratio_of_rounds(numbered([a for a, _ in values]), numbered([b for _, b in values]))
    low, median, high = bounds(found)
    each = [a / b for a, b in values]
    assert low <= median <= high
    assert low >= min(each) * (1 - 1e-9)
    assert high <= max(each) * (1 + 1e-9)


@pytest.mark.parametrize("rounds", [6, 7, 9, 14, 30])
@pytest.mark.parametrize("slowdown", [1.0, 1.05, 1.1])
def test_the_interval_excludes_1_where_scipy_rejects(rounds: int, slowdown: float) -> None:
    from scipy.stats import mannwhitneyu, wilcoxon

    random = np.random.default_rng(rounds)
    for _ in range(50):
        one, other = random.lognormal(0, 0.1, (2, rounds))
        other = other * slowdown
        paired = ratio_of_rounds(numbered(one), numbered(other))
        low, _, high = bounds(paired)
        rejected = wilcoxon(np.log(one / other), method="exact").pvalue <= 0.05
        assert rejected is not bool(low <= 1 <= high)
        low, _, high = bounds(ratio_of_runs(list(one), list(other)))
        if rounds <= 25:
            rejected = mannwhitneyu(one, other, method="exact").pvalue <= 0.05
            assert rejected is not bool(low <= 1 <= high)


def test_beyond_exact_counting_the_interval_goes_on_as_it_was() -> None:
    """Forbids a jump at the number of rounds from which the normal approximation is used."""
    one, other = np.random.default_rng(5).lognormal(0, 0.1, (2, 52))
    widths = []
    for rounds in (49, 50, 51, 52):
        low, _, high = bounds(ratio_of_rounds(numbered(one[:rounds]), numbered(other[:rounds])))
        widths.append(high / low)
    assert max(widths) / min(widths) < 1.02
    low, _, high = bounds(ratio_of_runs(list(one[:25]), list(other[:25])))
    beyond, _, above = bounds(ratio_of_runs(list(one[:26]), list(other[:26])))
    assert above / beyond == pytest.approx(high / low, rel=0.03)


def test_six_rounds_are_the_fewest_that_can_say_so() -> None:
    from scipy.stats import wilcoxon

    every_round_slower = numbered([0.5 + number / 100 for number in range(ENOUGH_ROUNDS)])
    same = dict.fromkeys(every_round_slower, 1.0)
    low, _, high = bounds(ratio_of_rounds(every_round_slower, same))
    assert (low, high) == pytest.approx((0.5, 0.55))
    for rounds, p in ((ENOUGH_ROUNDS, 2 * 2**-6), (ENOUGH_ROUNDS - 1, 2 * 2**-5)):
        values = list(every_round_slower.values())[:rounds]
        assert wilcoxon(np.log(values), method="exact").pvalue == pytest.approx(p)
    assert 2 * 2**-6 <= 0.05 < 2 * 2**-5


def test_what_both_rounds_of_a_pair_share_cancels() -> None:
    speeds = {1: 1.0, 2: 0.5, 3: 2.0}
    found = ratio_of_rounds({number: 30 * factor for number, factor in speeds.items()}, speeds)
    assert bounds(found) == pytest.approx((30, 30, 30))


def test_rounds_without_a_partner_or_without_a_value_are_no_pair() -> None:
    found = ratio_of_rounds({1: 2.0, 2: 0.0, 3: 9.0}, {1: 1.0, 2: 1.0, 4: 1.0})
    assert found == Interval(pytest.approx(2.0), None, None, 1)
    assert ratio_of_rounds({1: 1.0}, {2: 1.0}) is None
    assert ratio_of_runs([1.0, 0.0], [2.0, 2.0]) == Interval(pytest.approx(0.5), None, None, 1)
    assert ratio_of_runs([], [1.0]) is None
