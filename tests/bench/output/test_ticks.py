"""Ticks are round, inside the scale, and enough to read a distance."""

import pytest

from bench.output.ticks import log_ticks


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.85, 1.15, [0.9, 1.0, 1.1]),
        (0.98, 1.02, [0.98, 1.0, 1.02]),
        (95.0, 108.0, [95.0, 100.0, 105.0]),
        (1.0, 1_000.0, [1.0, 10.0, 100.0, 1_000.0]),
        (7.0, 7.0, [7.0]),
    ],
)
def test_a_short_scale_has_more_than_one_tick(low: float, high: float, ticks: list[float]) -> None:
    """Forbid the ratios of two runs over a scale whose only tick was 1."""
    assert log_ticks(low, high, 4) == ticks
