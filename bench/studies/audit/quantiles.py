"""Claims about latency quantiles: simulated rounds of a known distribution."""

from collections.abc import Iterator
from functools import cache
from math import exp
from statistics import median

import numpy as np

from bench.analysis import stats
from bench.analysis.stats import QUANTILES, SAMPLES_NEEDED
from bench.analysis.summary import shown_latency
from bench.studies.audit.claim import Claim, Outcome
from bench.studies.audit.summaries import round_of

SIGMA = 0.5
"""The spread of the simulated latencies, which are lognormal."""
MIDDLE_NS = 1e6
ROUNDS = 6
RUNS = 100
"""The simulated runs of each condition."""
SIZES = (5, 12, 30, 60, 150, 400, 1_000, 3_000)
"""The samples of a round."""
LARGEST_ERROR = 0.1


def _true(quantile: str) -> float:
    from scipy.special import ndtri

    return MIDDLE_NS * exp(SIGMA * float(ndtri(QUANTILES[quantile])))


@cache
def _conditions() -> tuple[tuple[str, int, float | None, float], ...]:
    """Return quantile, size of a round, and the shown value now and before, over the truth."""
    return tuple(_simulated())


def _simulated() -> Iterator[tuple[str, int, float | None, float]]:
    random = np.random.default_rng(7)
    for size in SIZES:
        now: dict[str, list[float]] = {}
        before: dict[str, list[float]] = {}
        for _ in range(RUNS):
            values = MIDDLE_NS * np.exp(SIGMA * random.standard_normal((ROUNDS, size)))
            rounds = [
                round_of(number, operations=size, latency_ns=stats.quantiles(of_round))
                for number, of_round in enumerate(values)
            ]
            shown = shown_latency(rounds, stats.quantiles(values.ravel()))
            for quantile in SAMPLES_NEEDED:
                share = QUANTILES[quantile]
                alone = np.quantile(values, share, axis=1, method="inverted_cdf")
                before.setdefault(quantile, []).append(float(np.median(alone)))
                if quantile in shown:
                    now.setdefault(quantile, []).append(shown[quantile].median)
        for quantile in SAMPLES_NEEDED:
            truth = _true(quantile)
            value = median(now[quantile]) / truth if quantile in now else None
            yield quantile, size, value, median(before[quantile]) / truth


def _shown() -> Outcome:
    now = [value for _, _, value, _ in _conditions() if value is not None]
    before = [value for *_, value in _conditions()]
    return Outcome(
        truth="1",
        measured=f"{min(now):.2f} to {max(now):.2f} of the truth in {len(now)} conditions, blank in"
        f" {len(before) - len(now)}",
        before=f"{min(before):.2f} to {max(before):.2f}, never blank",
        holds=all(abs(value - 1) <= LARGEST_ERROR for value in now),
    )


CLAIMS = (
    Claim(
        "quantiles-shown",
        f"A quantile that is shown is within {LARGEST_ERROR:.0%}: short rounds are taken together,"
        " and too few samples are left blank.",
        f"simulation: p90 to p99.9 of lognormal latencies, {ROUNDS} rounds of {SIZES[0]} to"
        f" {SIZES[-1]:,} samples",
        simulate=_shown,
    ),
)
