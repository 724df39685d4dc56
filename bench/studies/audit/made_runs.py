"""Runs with a known truth: so many cases and rounds, with noise, lucky processes and a busy day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bench.analysis.compare.cases import MeasuredRun
from bench.analysis.rounds import Round
from bench.analysis.summary import Summary
from bench.model.case import Case
from bench.model.profiles import POINT_READ

Shape = Literal["normal", "heavy tails", "outliers"]
SHAPES: tuple[Shape, ...] = ("normal", "heavy tails", "outliers")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """The truth of simulated runs. Every deviation is that of a logarithm: 0.03 is 3 %."""

    cases: int = 84
    rounds: int = 6
    noise: float = 0.03
    """The deviation of a round of a case."""
    shape: Shape = "normal"
    luck: float = 0.01
    """The deviation of the ratio of two equal processes."""
    sets: int = 0
    """The number of sets of worker processes of a run, each with luck of its own. 0: one set, and
    a file that does not say so."""
    common_noise: float = 0.03
    """The deviation of a round of all cases together, with a lag-1 correlation of 0.37."""
    day: float = 0.05
    """The deviation of a whole run of all cases together."""
    one_day: bool = False
    """Whether a gate's two measurements are of one day. Otherwise each has a day of its own."""
    same_code: int = 0
    """The number of further runs of the reference's code, each of a day of its own."""
    slower: int = 0
    """The number of cases that are slower in the later run."""
    slowdown: float = 0.0
    """By how much they are, as a share."""
    uniform: float = 0.0
    """By how much all cases are slower in the later run, as a share."""


def noise(random: np.random.Generator, shape: Shape, size: Sequence[int]) -> Floats:
    """Return noise with a deviation of about 1 (more, with outliers: one of ten is eight times)."""
    values = random.normal(size=size)
    if shape == "heavy tails":
        return random.standard_t(3, size=size) / sqrt(3)
    if shape == "outliers":
        return np.where(random.random(size) < 0.1, 8 * np.abs(values), values)
    return values


def plan(truth: Truth) -> list[Case]:
    """Return the cases, half of them with one client, and the four twins of the A/A pairs."""
    cases = [
        Case(f"backend {number}", POINT_READ, concurrency=1 if number % 2 else 16)
        for number in range(truth.cases)
    ]
    return [*cases, *(replace(case, twin=True) for case in cases[:4])]


def made_run(
    truth: Truth,
    random: np.random.Generator,
    *,
    later: bool = False,
    only: Sequence[int] = (),
    day: float | None = None,
) -> MeasuredRun:
    """Return a run. `later` has the slowdowns. `only` has the places of the measured cases.

    The slower cases are the last ones, with their twins. Noise makes a round slower, so outliers do
    too. `day`: the logarithm by which the machine is slower, for runs of one day; None for a day of
    its own.
    """
    cases = plan(truth)
    size = (len(cases), truth.rounds)
    logs = truth.noise * noise(random, truth.shape, size)
    sets = np.arange(truth.rounds) * max(1, truth.sets) // truth.rounds
    luck = random.normal(size=(len(cases), max(1, truth.sets)))[:, sets]
    logs += luck * truth.luck / sqrt(2)
    logs += _common(truth, random)
    logs += random.normal() * truth.day if day is None else day
    if later:
        logs += np.log1p(truth.uniform)
        slower = set(cases[truth.cases - truth.slower : truth.cases])
        of_slower = [replace(case, twin=False) in slower for case in cases]
        logs[of_slower] += np.log1p(truth.slowdown)
    chosen = only or range(truth.cases)
    return MeasuredRun(
        [
            _summary(
                case,
                dict(enumerate((1000 * np.exp(-logs[place])).tolist())),
                sets.tolist() if truth.sets else None,
            )
            for place, case in enumerate(cases)
            if place in chosen or place >= truth.cases
        ]
    )


def _common(truth: Truth, random: np.random.Generator) -> Floats:
    values, last = np.zeros(truth.rounds), random.normal()
    for number in range(truth.rounds):
        values[number] = last
        last = 0.37 * last + sqrt(1 - 0.37**2) * random.normal()
    return truth.common_noise * values


def _summary(case: Case, throughput: Mapping[int, float], sets: Sequence[int] | None) -> Summary:
    rounds = tuple(
        _with(
            Round,
            number=number,
            operations=1,
            errors={},
            latency_ns={},
            throughput_per_s=value,
            generation=sets[number] if sets else None,
        )
        for number, value in throughput.items()
    )
    summary: Summary = _with(
        Summary,
        case=case,
        rounds=rounds,
        operations=len(rounds),
        errors={},
        failures=(),
        latency_ns={},
        pooled_latency_ns={},
    )
    return summary


def _with(kind: type[Any], **known: Any) -> Any:
    """Return an object whose other fields are None."""
    return kind(**{field.name: None for field in fields(kind)} | known)
