"""Claims about the marks of the best values in a table: simulated rounds of backends."""

from collections.abc import Sequence
from math import exp
from random import Random

from bench.analysis.figure import THROUGHPUT
from bench.analysis.ranking import leaders
from bench.analysis.ratios import ratio_of_rounds
from bench.analysis.summary import Summary
from bench.analysis.verdict import apart
from bench.studies.audit.claim import Claim, Outcome
from bench.studies.audit.summaries import of_throughput

BACKENDS = 10
TABLES = 400
"""The simulated tables of each condition."""
NOISE = 0.04
"""The standard deviation of a round's logarithm, beside what all cases of the round share."""


def table(random: Random, rounds: int, speeds: Sequence[float]) -> list[Summary]:
    """Return cases of these true speeds. A round's factor is common to all cases."""
    factors = [random.gauss(0, 2 * NOISE) for _ in range(rounds)]
    return [
        of_throughput(
            f"backend {place}",
            {at: speed * exp(factor + random.gauss(0, NOISE)) for at, factor in enumerate(factors)},
        )
        for place, speed in enumerate(speeds)
    ]


def marked(group: Sequence[Summary]) -> set[int]:
    """Return the marked places; all of them if nothing is ranked."""
    medians = [summary.throughput_per_s for summary in group]
    return leaders(THROUGHPUT, group, medians, {}) or set(range(len(group)))


def marked_before(group: Sequence[Summary]) -> set[int]:
    """Return what the former rule marked: all that the best median is not apart from."""
    values = [summary.by_round(THROUGHPUT) for summary in group]
    medians = [summary.throughput_per_s.median for summary in group if summary.throughput_per_s]
    best = max(range(len(group)), key=lambda at: medians[at])
    ratios = [ratio_of_rounds(rounds, values[best]) for rounds in values]
    return {best} | {at for at, ratio in enumerate(ratios) if not apart(ratio, 1.0)}


def _equal(rounds: int) -> Outcome:
    random = Random(rounds)
    now = before = 0
    for _ in range(TABLES):
        group = table(random, rounds, [1.0] * BACKENDS)
        now += len(marked(group)) < BACKENDS
        before += len(marked_before(group)) < BACKENDS
    return Outcome(
        truth="at most 5 % of the tables",
        measured=f"{now / TABLES:.1%} of {TABLES} tables",
        before=f"{before / TABLES:.0%}",
        holds=now / TABLES <= 0.05,
    )


def _difference(rounds: int, ratio: float) -> Outcome:
    random = Random(f"{rounds}/{ratio}")
    found = 0
    for _ in range(TABLES):
        found += marked(table(random, rounds, [ratio] + [1.0] * (BACKENDS - 1))) == {0}
    return Outcome(
        truth="at least 80 % of the tables",
        measured=f"{found / TABLES:.0%} of {TABLES} tables",
        holds=found / TABLES >= 0.8,
    )


def beaten_with_the_best_median() -> list[Summary]:
    """Return A and B: B is 1.3 times as fast in each round that both have.

    A has three more rounds, in which the machine was fast, so that its median is higher.
    """
    slow, fast = {1: 10.0, 2: 10.0, 3: 10.0}, {4: 100.0, 5: 100.0, 6: 100.0}
    both = slow | fast
    more = {7: 100.0, 8: 100.0, 9: 100.0}
    faster = {number: 1.3 * value for number, value in both.items()}
    return [of_throughput("A", both | more), of_throughput("B", faster)]


def _direction() -> Outcome:
    group = beaten_with_the_best_median()
    now, before = (
        " and ".join("AB"[place] for place in sorted(rule(group)))
        for rule in (marked, marked_before)
    )
    return Outcome(truth="B", measured=now, before=before, holds=now == "B")


def _equal_few() -> Outcome:
    return _equal(3)


def _equal_quick() -> Outcome:
    return _equal(6)


def _found_few() -> Outcome:
    return _difference(3, 1.3)


_TABLES = f"simulation: {TABLES} tables of {BACKENDS} backends, rounds that vary by {NOISE:.0%}"

CLAIMS = (
    Claim(
        "ranking-three-rounds",
        "A table of three rounds leaves none of several equal backends without a mark.",
        f"{_TABLES}, no noise floor; the share of tables that leave one without",
        simulate=_equal_few,
    ),
    Claim(
        "ranking-six-rounds",
        "A table of six rounds leaves none of several equal backends without a mark.",
        f"{_TABLES}, no noise floor; the share of tables that leave one without",
        simulate=_equal_quick,
    ),
    Claim(
        "ranking-finds",
        "A backend that is 1.3 times as fast as all others is marked alone, from three rounds on.",
        _TABLES,
        simulate=_found_few,
    ),
    Claim(
        "ranking-direction",
        "A backend that another surely beats is not marked, even if its median is the best.",
        "B is 1.3 times as fast as A in each of six shared rounds; A has three fast rounds more",
        simulate=_direction,
    ),
)
