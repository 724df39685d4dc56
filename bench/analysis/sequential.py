"""A rule for stopping early whose error rate holds at every look, however often one looks.

A confidence sequence is an interval after each observation. With probability 1 - alpha all of them
contain the true median, so that the first moment at which one is narrow enough is a valid moment to
stop. This one assumes independent observations with one median, and no shape.

Each observation is below the true median with probability 1/2. For a supposed median with `below`
observations below it, divide the likelihood of a fraction drawn from Beta(a, a) by that of 1/2. At
the true median this is a martingale with mean 1. It ever exceeds 1/alpha with probability alpha at
most (Ville). The interval is the set of medians for which it does not. Robbins, Annals of
Mathematical Statistics 41 (1970), https://doi.org/10.1214/aoms/1177696786; Howard and Ramdas,
Bernoulli 28 (2022), https://doi.org/10.3150/21-BEJ1388.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import lgamma, log
from typing import Literal

CONCENTRATION = 10.0
"""The `a` of Beta(a, a). The interval is narrowest near 400 observations; from 50 to 1,000 it is at
most a tenth wider than the narrowest."""

LEAST_DIFFERENCE = 0.01
"""The logarithm of a ratio below which a difference is not called one: two processes of one program
differ by as much, and more turns of the same two do not cancel that."""

EQUAL_WITHIN = 0.03
"""The logarithm of a ratio within which two cases are called equal, so that their turns end."""

Decision = Literal["faster", "slower", "equal", "undecided"]


@lru_cache(maxsize=10_000)
def fewest_below(observations: int, alpha: float) -> int | None:
    """Return the fewest observations that may lie below the median; None if there are too few."""
    most = log(1 / alpha)
    for below in range(observations // 2 + 1):
        if _log_martingale(below, observations) < most:
            return below or None
    return None


def median_interval(values: Sequence[float], alpha: float) -> tuple[float, float] | None:
    """Return the confidence sequence's interval of the median after these values.

    None if they are too few for an interval with two ends.
    """
    if (below := fewest_below(len(values), alpha)) is None:
        return None
    ordered = sorted(values)
    return ordered[below - 1], ordered[-below]


def decide(log_ratios: Sequence[float], alpha: float) -> Decision:
    """Return what the paired logarithms of ratios say so far.

    `faster`: the median is above `LEAST_DIFFERENCE`. The probability that it is ever said of a
    median that is not is at most `alpha`, and so it is with `slower` and `equal`.
    """
    interval = median_interval(log_ratios, alpha)
    if interval is None:
        return "undecided"
    low, high = interval
    if low > LEAST_DIFFERENCE:
        return "faster"
    if high < -LEAST_DIFFERENCE:
        return "slower"
    if low > -EQUAL_WITHIN and high < EQUAL_WITHIN:
        return "equal"
    return "undecided"


def _log_martingale(below: int, observations: int) -> float:
    a = CONCENTRATION
    above = observations - below
    mixture = _log_beta(a + below, a + above) - _log_beta(a, a)
    return mixture + observations * log(2)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
