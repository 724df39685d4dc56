"""Throughput, quantiles and intervals, against definitions and other libraries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap

from bench.analysis import stats

SECOND = stats.NS_PER_S
positive = st.floats(1e-3, 1e9)
rounds = st.lists(positive, min_size=2, max_size=12)


def test_an_operation_counts_with_the_share_of_its_time_before_the_deadline() -> None:
    shares = stats.shares_in_window([0, 80, 95, 100], [50, 40, 20, 10], 100)
    assert shares.tolist() == [1.0, 0.5, 0.25, 0.0]


def test_an_operation_too_short_for_the_clock_counts_where_it_began_in_time() -> None:
    assert stats.shares_in_window([0, 100], [0, 0], 100).tolist() == [1.0, 0.0]


@given(st.integers(1, 5 * SECOND))
def test_a_steady_worker_has_the_throughput_of_its_pace(duration_ns: int) -> None:
    starts = range(0, SECOND, max(duration_ns, SECOND // 1000))
    busy = stats.throughput_per_s(list(starts), [starts.step] * len(starts), SECOND)
    assert busy == pytest.approx(SECOND / starts.step)


def test_rows_are_weighted_like_their_operation() -> None:
    assert stats.throughput_per_s([0, SECOND // 2], [SECOND // 2, SECOND], SECOND, [10, 4]) == 12


def test_no_operations_are_no_throughput() -> None:
    assert stats.throughput_per_s([], [], SECOND) == 0


def test_quantiles_are_nearest_ranks() -> None:
    assert stats.quantiles(range(1, 1001)) == {
        "p50": 500,
        "p90": 900,
        "p95": 950,
        "p99": 990,
        "p99.9": 999,
        "max": 1000,
    }
    assert set(stats.quantiles([7]).values()) == {7}
    assert stats.quantiles([]) == {}


@given(st.lists(st.integers(0, 10**12), min_size=1))
def test_a_quantile_was_measured_and_covers_its_share(values: list[int]) -> None:
    found = stats.quantiles(values)
    assert list(found.values()) == sorted(found.values())
    for name, share in stats.QUANTILES.items():
        assert found[name] in values
        covered = sum(value <= found[name] for value in values)
        assert covered >= share * len(values) - 1e-6
        assert sum(value < found[name] for value in values) < share * len(values) + 1e-6
    assert found["max"] == max(values)


def test_one_round_gives_no_interval_and_none_gives_nothing() -> None:
    assert stats.median_over_rounds([5.0]) == stats.Interval(5.0, None, None, 1)
    assert stats.median_over_rounds([]) is None


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_up_to_five_rounds_the_interval_is_their_range(n: int) -> None:
    found = stats.median_over_rounds([float(value) for value in range(n)])
    assert found is not None
    assert (found.low, found.high) == (0, n - 1)


@pytest.mark.parametrize("n", [3, 6, 7, 10, 20])
def test_the_interval_agrees_with_scipy(n: int) -> None:
    values = np.random.default_rng(n).lognormal(5, 0.1, n)
    found = stats.median_over_rounds(list(values))
    theirs = bootstrap(
        (values,), np.median, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert found is not None
    assert found.median == pytest.approx(np.median(values))
    spread = values.max() - values.min()
    assert found.low == pytest.approx(theirs.low, abs=0.05 * spread)
    assert found.high == pytest.approx(theirs.high, abs=0.05 * spread)


@given(rounds, positive)
def test_an_interval_encloses_its_median_and_scales_with_its_values(
    values: list[float], factor: float
) -> None:
    found = stats.median_over_rounds(values)
    scaled = stats.median_over_rounds([factor * value for value in values])
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert min(values) <= found.low <= found.median <= found.high <= max(values)
    assert scaled is not None
    assert scaled.low == pytest.approx(factor * found.low)
    assert scaled.high == pytest.approx(factor * found.high)


@given(st.permutations([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]))
def test_the_order_of_rounds_does_not_matter(values: list[float]) -> None:
    assert stats.median_over_rounds(values) == stats.median_over_rounds(sorted(values))


@pytest.mark.parametrize("n", [3, 5])
def test_the_range_of_rounds_holds_the_true_median_as_often_as_it_says(n: int) -> None:
    values = np.random.default_rng(7).normal(size=(20_000, n))
    held = np.mean((values.min(axis=1) <= 0) & (values.max(axis=1) >= 0))
    assert stats.coverage(n) == pytest.approx(held, abs=0.01)


def test_intervals_are_told_in_words() -> None:
    assert stats.describe_interval(1) == "one round: no intervals"
    assert "lowest to highest of 3 rounds (75% sure)" in stats.describe_interval(3)
    assert "95 % bootstrap over 10 rounds" in stats.describe_interval(10)


def test_intervals_of_fewer_rounds_are_not_called_those_of_more() -> None:
    """Forbids the words "88% sure" for figures of two rounds."""
    told = stats.describe_interval(4, 2)
    assert "lowest to highest of 2 to 4 rounds (50% to 88% sure)" in told
    assert stats.describe_interval(4, 4) == stats.describe_interval(4)
    assert "over 6 rounds, lowest to highest of fewer" in stats.describe_interval(6, 5)
    assert stats.describe_interval(10, 8) == stats.describe_interval(10)


def test_relative_width() -> None:
    assert stats.Interval(10, 9, 11, 3).relative == pytest.approx(0.1)
    assert stats.Interval(1, None, None, 1).relative is None


def test_the_cost_of_an_operation() -> None:
    assert stats.per_operation(100, 4) == 25
    assert stats.per_operation(100, 0) is None
    assert stats.per_operation(None, 4) is None
