"""Claims about throughput: simulated rounds with a known truth, and real ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import sqrt
from random import Random
from statistics import median
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from bench.analysis.stats import NS_PER_S, shares_in_window
from bench.analysis.throughput import TOLERANCE, Throughput, throughput
from bench.model.window import OPERATIONS_EACH
from bench.studies.audit.claim import Claim, Outcome
from bench.studies.audit.closed_loop import (
    Discipline,
    Operation,
    service,
    simulate,
    true_throughput,
)

CLIENTS = (1, 2, 4, 8, 16, 64)
SHARES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 1.0, 2.0)
"""The service time as a share of the window."""
VARIATIONS = (0.0, 0.1, 0.3, 1.0)
"""Coefficients of variation of the service time: constant to exponential."""

_MOST_OPERATIONS = 12_000
"""The operations to simulate for one condition, in as many rounds as it takes."""
_FEWEST_ROUNDS, _MOST_ROUNDS = 5, 101
_MOST_CHANCE = 0.15
"""The largest standard error of a round that a condition may have to be judged."""


@dataclass(frozen=True)
class Condition:
    """The clients and operations of a simulated round."""

    discipline: Discipline
    clients: int
    share: float
    variation: float

    @property
    def truth(self) -> float:
        """Operations in a window of 1 s, if it lasted for ever."""
        return true_throughput(self.discipline, self.clients, self.share)

    def rounds(self) -> Iterator[list[Operation]]:
        """Simulate rounds of 1 s, from a fixed seed."""
        random = Random(repr(self))
        draw = service(self.share, self.variation, random)
        expected = self.clients + self.truth
        count = int(min(_MOST_ROUNDS, max(_FEWEST_ROUNDS, _MOST_OPERATIONS / expected)))
        if self.variation == 0:
            count = 1
        for _ in range(count):
            yield simulate(self.discipline, self.clients, draw, 1.0)


@dataclass(frozen=True)
class Estimate:
    """The median over the rounds of a condition, as a share of the truth."""

    condition: Condition
    now: float
    at_least: float
    at_most: float
    before: float
    certain: float
    """The share of rounds whose figure is not marked."""
    operations: float
    """The mean number of operations of a round."""
    rounds: int

    @property
    def chance(self) -> float:
        """The standard error of one round that no rule can avoid."""
        return self.condition.variation / sqrt(self.operations)

    @property
    def allowed(self) -> float:
        """The error that is allowed: the tolerance, and three standard errors of the median."""
        return TOLERANCE + 3 * 1.25 * self.chance / sqrt(self.rounds)

    @property
    def right(self) -> bool:
        """Whether the figure is within what is allowed."""
        return abs(self.now - 1) <= self.allowed

    @property
    def enclosed(self) -> bool:
        """Whether the bounds hold the truth, up to what is allowed."""
        return self.at_least - self.allowed <= 1 <= self.at_most + self.allowed


@cache
def estimates() -> tuple[Estimate, ...]:
    """Simulate every condition, but those whose few operations vary too much for any rule."""
    disciplines: tuple[Discipline, ...] = get_args(Discipline)
    simulated = (
        _estimate(Condition(*factors))
        for factors in product(disciplines, CLIENTS, SHARES, VARIATIONS)
    )
    return tuple(estimate for estimate in simulated if estimate.chance <= _MOST_CHANCE)


def estimated(operations: Sequence[Operation], window_s: float) -> Throughput:
    """Return what a run with these operations would show."""
    start, duration, client = _columns(operations)
    return throughput(start, duration, client, round(window_s * NS_PER_S))


def estimated_before(operations: Sequence[Operation], window_s: float) -> float:
    """Return what the former rule would show: the share of each operation in the window."""
    start, duration, _ = _columns(operations)
    shares = shares_in_window(start, duration, round(window_s * NS_PER_S))
    return float(shares.sum()) / window_s


def _columns(
    operations: Sequence[Operation],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    start = np.array([operation.start_s for operation in operations]) * NS_PER_S
    duration = np.array([operation.duration_s for operation in operations]) * NS_PER_S
    client = np.array([operation.client for operation in operations])
    return start.astype(np.int64), duration.astype(np.int64), client.astype(np.int64)


def _estimate(condition: Condition) -> Estimate:
    figures, former, counts = [], [], []
    for operations in condition.rounds():
        figures.append(estimated(operations, 1.0))
        former.append(estimated_before(operations, 1.0))
        counts.append(len(operations))
    truth = condition.truth
    return Estimate(
        condition,
        median(figure.per_s for figure in figures) / truth,
        median(figure.at_least_per_s for figure in figures) / truth,
        median(figure.at_most_per_s for figure in figures) / truth,
        median(former) / truth,
        float(np.mean([figure.certain for figure in figures])),
        float(np.mean(counts)),
        len(counts),
    )


def _one_queue() -> Outcome:
    return _outcome([each for each in estimates() if each.condition.discipline == "queue"])


def _not_marked() -> Outcome:
    return _outcome([each for each in estimates() if each.certain > 0.5])


def _marked() -> Outcome:
    chosen = [each for each in estimates() if each.certain <= 0.5]
    outside = [each for each in chosen if not each.enclosed]
    return Outcome(
        truth="between the bounds",
        measured=f"outside of them in {len(outside)} of {len(chosen)} conditions",
        holds=not outside,
        before="no mark, no bounds",
    )


def _long_enough() -> Outcome:
    long = [
        each
        for each in estimates()
        if each.condition.clients > 1
        and each.operations >= (OPERATIONS_EACH + 1) * each.condition.clients
    ]
    marked = [each for each in long if each.certain <= 0.5]
    return Outcome(
        truth="none",
        measured=f"{len(marked)} of {len(long)} conditions",
        holds=not marked,
        before="no mark",
    )


def _outcome(chosen: Sequence[Estimate]) -> Outcome:
    wrong = [each for each in chosen if not each.right]
    now, before = ([getattr(each, name) for each in chosen] for name in ("now", "before"))
    return Outcome(
        truth="1",
        measured=f"{min(now):.3f} to {max(now):.3f} of the truth in {len(chosen)} conditions;"
        f" {len(wrong)} beyond 3 % and chance",
        before=f"{min(before):.2f} to {max(before):.2f}",
        holds=not wrong,
    )


EXAMPLES = ((8, 0.09, 0.05), (8, 0.18, 1.0), (64, 0.18, 1.0), (16, 0.002 / 16, 0.05))
"""Clients, service time and window in seconds, for which the former rule was wrong or right."""


def _examples() -> Outcome:
    now, before = [], []
    for clients, service_s, window_s in EXAMPLES:
        operations = simulate("queue", clients, service(service_s, 0, Random()), window_s)
        truth = 1 / service_s
        now.append(estimated(operations, window_s).per_s / truth)
        before.append(estimated_before(operations, window_s) / truth)
    return Outcome(
        truth="1 each",
        measured=", ".join(f"{figure:.3f}" for figure in now),
        before=", ".join(f"{figure:.2f}" for figure in before),
        holds=all(abs(figure - 1) <= TOLERANCE for figure in now),
    )


_CONDITIONS = (
    f"simulation: {CLIENTS[0]} to {CLIENTS[-1]} clients, service time {SHARES[0]:g} to"
    f" {SHARES[-1]:g} of the window, constant to exponential, where chance alone varies a round by"
    f" at most {_MOST_CHANCE:.0%}"
)

CLAIMS = (
    Claim(
        "throughput-examples",
        "Throughput is right where an operation lasts as long as its window.",
        "simulation of one queue: 8 clients, 90 ms in a window of 50 ms; 8, 180 ms in 1 s; 64,"
        " 180 ms in 1 s; 16, 0.125 ms in 50 ms",
        simulate=_examples,
    ),
    Claim(
        "throughput-one-queue",
        "Throughput of clients that wait for one server, first in, first out, is within 3 %,"
        " however few operations the window has.",
        _CONDITIONS,
        simulate=_one_queue,
    ),
    Claim(
        "throughput-not-marked",
        "A throughput that is not marked is within 3 %: one queue, one shared processor, one server"
        " that serves clients in bursts, or clients that do not wait for each other.",
        _CONDITIONS,
        simulate=_not_marked,
    ),
    Claim(
        "throughput-marked",
        "A throughput that is marked stands with two bounds, and the truth is between them.",
        _CONDITIONS,
        simulate=_marked,
    ),
    Claim(
        "throughput-window",
        f"No throughput is marked if the window lasts for {OPERATIONS_EACH} operations of each"
        " client.",
        _CONDITIONS,
        simulate=_long_enough,
    ),
)
