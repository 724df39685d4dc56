"""The variance between sets of processes, by simulation with known truth."""

import random

import pytest

from bench.analysis.generations import share_between


@pytest.mark.parametrize(("luck", "truth"), [(0.0, 0.0), (0.02, 0.137931), (0.1, 0.8)])
def test_the_share_is_the_true_one(luck: float, truth: float) -> None:
    """Defect: an interval over rounds says nothing of the luck that all of its rounds share."""
    draw = random.Random(7)
    pairs = []
    for _ in range(400):
        centres = [draw.gauss(0, luck) for _ in range(3)]
        pairs.append([[draw.gauss(centre, 0.05) for _ in range(5)] for centre in centres])
    assert share_between(pairs) == pytest.approx(truth, abs=0.03)


def test_one_generation_says_nothing() -> None:
    assert share_between([[[1.0, 2.0, 3.0]]]) is None
    assert share_between([[[1.0], [2.0], [3.0]]]) is None
    assert share_between([]) is None
