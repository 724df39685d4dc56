"""Error rates and power of the stopping rule, by simulation with known truth."""

import random
from collections.abc import Callable
from itertools import count

import pytest

from bench.analysis.sequential import Decision, decide, fewest_below, median_interval

ALPHA = 0.05
TURNS = 600
RUNS = 400
Draw = Callable[[random.Random], float]

NOISES: dict[str, Draw] = {
    "normal": lambda draw: draw.gauss(0, 0.1),
    "outliers": lambda draw: draw.gauss(0, 0.05) if draw.random() < 0.9 else draw.gauss(0, 1),
    "heavy tails": lambda draw: draw.choice((-1, 1)) * 0.05 * (draw.paretovariate(1.5) - 1),
    "skewed": lambda draw: draw.expovariate(10) - 0.0693147,
}
"""Distributions with median 0: the noise of a paired logarithm of throughputs."""


def stopped(noise: Draw, shift: float, seed: int, every: int = 5) -> tuple[Decision, int]:
    """Return the first decision of a run that looks after every few turns, and its turns."""
    draw = random.Random(seed)
    values: list[float] = []
    for turn in count(1):
        values.append(noise(draw) + shift)
        if turn % every == 0:
            decision = decide(values, ALPHA)
            if decision != "undecided" or turn >= TURNS:
                return decision, turn
    raise AssertionError


@pytest.mark.parametrize("name", NOISES)
def test_looking_again_and_again_finds_no_more_differences(name: str) -> None:
    """Defect: an interval for one look, looked at after every turn, finds a difference where there
    is none in a quarter of all runs."""
    found = [stopped(NOISES[name], 0, seed)[0] for seed in range(RUNS)]
    assert sum(decision in ("faster", "slower") for decision in found) <= ALPHA * RUNS


@pytest.mark.parametrize("name", NOISES)
def test_the_median_is_in_every_interval(name: str) -> None:
    """Defect: an interval that holds at the end only would miss the median on the way."""
    missed = 0
    for seed in range(RUNS):
        draw = random.Random(seed)
        values: list[float] = []
        for turn in range(300):
            values.append(NOISES[name](draw))
            interval = median_interval(values, ALPHA) if turn % 3 == 0 else None
            if interval and not interval[0] <= 0 <= interval[1]:
                missed += 1
                break
    assert missed <= ALPHA * RUNS


@pytest.mark.parametrize("name", ["normal", "outliers"])
def test_five_per_cent_is_found(name: str) -> None:
    """Defect: a quick run found 5 % in 1 of 10."""
    found = [stopped(NOISES[name], -0.05, seed) for seed in range(100)]
    assert sum(decision == "slower" for decision, _ in found) >= 95
    assert sorted(turns for _, turns in found)[50] < TURNS / 2


def test_what_is_plain_ends_early() -> None:
    """Defect: turns were spent on a difference of two that was clear after a few."""
    assert stopped(NOISES["normal"], 0.7, seed=1) == ("faster", 15)


def test_equal_cases_end_too() -> None:
    found = [stopped(lambda draw: draw.gauss(0, 0.05), 0, seed) for seed in range(100)]
    assert sum(decision == "equal" for decision, _ in found) >= 95


def test_the_luck_of_processes_is_no_difference() -> None:
    """Defect: each pair of processes has a ratio of its own, which more turns do not cancel."""
    wrong = 0
    for seed in range(RUNS):
        draw = random.Random(seed)
        values: list[float] = []
        for _ in range(8):
            luck = draw.gauss(0, 0.01)
            for _ in range(75):
                values.append(draw.gauss(luck, 0.08))
                if len(values) % 5 == 0 and decide(values, ALPHA) in ("faster", "slower"):
                    break
            else:
                continue
            wrong += 1
            break
    assert wrong <= ALPHA * RUNS


def test_few_values_decide_nothing() -> None:
    assert fewest_below(5, ALPHA) is None
    assert median_interval([1.0] * 5, ALPHA) is None
    assert decide([1.0] * 5, ALPHA) == "undecided"
