"""Claims about a budget: a comparison that is looked at again and again, and stops when decided."""

import random
from collections.abc import Callable, Mapping
from itertools import count

from bench.analysis.sequential import Decision, decide
from bench.studies.audit.claim import Claim, Outcome

ALPHA = 0.05
TURNS = 600
LOOK_EVERY = 5
TRIALS = 300
SLOWER = -0.05
"""The logarithm of a throughput that is 5 % less."""

Draw = Callable[[random.Random], float]

NOISES: Mapping[str, Draw] = {
    "normal": lambda draw: draw.gauss(0, 0.1),
    "outliers": lambda draw: draw.gauss(0, 0.05) if draw.random() < 0.9 else draw.gauss(0, 1),
    "heavy tails": lambda draw: draw.choice((-1, 1)) * 0.05 * (draw.paretovariate(1.5) - 1),
}
"""Distributions with median 0: the noise of the logarithm of a ratio of two paired turns."""


def stopped(noise: Draw, shift: float, seed: int) -> tuple[Decision, int]:
    """Return the first decision of a run that looks every few turns, and its turns."""
    draw = random.Random(seed)
    values: list[float] = []
    for turn in count(1):
        values.append(noise(draw) + shift)
        if turn % LOOK_EVERY == 0:
            decision = decide(values, ALPHA)
            if decision != "undecided" or turn >= TURNS:
                return decision, turn
    raise AssertionError("count() ended")


def _share(shift: float, wanted: tuple[Decision, ...], noises: Mapping[str, Draw]) -> list[float]:
    """Return the share of runs with one of these decisions, for each noise."""
    return [
        sum(stopped(noise, shift, seed)[0] in wanted for seed in range(TRIALS)) / TRIALS
        for noise in noises.values()
    ]


def _same() -> Outcome:
    wrong = _share(0.0, ("faster", "slower"), NOISES)
    return Outcome(
        truth=f"at most {ALPHA:.0%}",
        measured=f"{max(wrong):.1%} at most ({', '.join(NOISES)})",
        holds=max(wrong) <= ALPHA,
    )


def _found() -> Outcome:
    noises = {name: NOISES[name] for name in ("normal", "outliers")}
    found = _share(SLOWER, ("slower",), noises)
    return Outcome(
        truth="at least 80 %",
        measured=f"{min(found):.0%} at least ({', '.join(noises)})",
        before="10 % in a quick run",
        holds=min(found) >= 0.8,
    )


_METHOD = f"simulation: {TRIALS} comparisons that stop when they are decided, at most {TURNS} turns"

CLAIMS = (
    Claim(
        "budget-same-code",
        "A comparison with a budget, looked at every few turns, calls two equal cases different at"
        " most once in twenty times.",
        _METHOD,
        simulate=_same,
    ),
    Claim(
        "budget-finds",
        "A comparison with a budget finds that a case is 5 % slower.",
        f"{_METHOD}; the noise of a turn is 10 %",
        simulate=_found,
    ),
)
