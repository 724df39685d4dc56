"""Student's distribution: the only place that asks scipy for it, and only when it is needed."""

from functools import lru_cache
from math import isfinite

from bench.analysis.stats import CONFIDENCE

_MANY = 1e9
"""Degrees of freedom that stand for infinitely many."""


@lru_cache(maxsize=4096)
def student_quantile(free: float, share: float = (1 + CONFIDENCE) / 2) -> float:
    """Return the value below which `share` lies, with so many degrees of freedom: 97.5 %."""
    from scipy.special import stdtrit

    return float(stdtrit(free if isfinite(free) else _MANY, share))


@lru_cache(maxsize=4096)
def student_tail(free: float, value: float) -> float:
    """Return the probability of a larger value, with so many degrees of freedom."""
    from scipy.special import stdtr

    return float(stdtr(free if isfinite(free) else _MANY, -value))
