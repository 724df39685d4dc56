"""Tests of the drift's probability."""

import random

import pytest

from bench.analysis.stationarity import Drift


@pytest.mark.parametrize("rounds", [6, 13, 33, 34, 60])
@pytest.mark.parametrize("digits", [1, 12])
def test_probability_of_a_drift_is_that_of_scipy(rounds: int, digits: int) -> None:
    """Forbids that the count of orders differs from Kendall's test, with ties and without."""
    from scipy.stats import kendalltau  # slow to import: see test_ratios.py

    chance = random.Random(rounds)
    for slope in (0.0, 0.02, -0.1):
        numbers = tuple(range(rounds))
        factors = tuple(round(slope * n + chance.random(), digits) for n in numbers)
        wanted = float(kendalltau(numbers, factors).pvalue)
        assert Drift(1.0, numbers, factors).p_value == pytest.approx(wanted, rel=1e-9)


def test_equal_rounds_are_no_drift() -> None:
    assert Drift(1.0, tuple(range(6)), (0.0,) * 6).p_value == 1.0
