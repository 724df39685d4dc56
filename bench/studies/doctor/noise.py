"""The noise floor: one case compared with itself, turn by turn, for ten seconds."""

from collections.abc import Callable

import accessors
from bench.analysis.noise_floor import EqualPair, NoiseFloor
from bench.analysis.summary import of_case
from bench.measure.runner import Job, take_turn
from bench.measure.worker_pool import WorkerPool
from bench.model.case import Case
from bench.model.dataset import Dataset
from bench.model.profiles import POINT_READ
from bench.server.database import Database
from bench.studies.doctor.finding import Diagnosis

BACKEND = "psycopg2"
ROUNDS = 20
ROUND_S = 0.2
WARM_UP_S = 0.03


def measure(
    database: Database, dataset: Dataset, on_round: Callable[[int], None] = lambda number: None
) -> NoiseFloor:
    """Return the noise floor of a point read and its twin, each in its own process.

    The order of the two alternates.
    """
    case = Case(BACKEND, POINT_READ, concurrency=4, loop="none")
    job = Job(
        case,
        accessors.BUILTIN[BACKEND],
        database.url_for(BACKEND),
        dataset,
        seconds=ROUND_S,
        warm_up_s=WARM_UP_S,
    )
    names = ("case", "twin")
    by_round: dict[str, dict[int, float]] = {name: {} for name in names}
    with WorkerPool() as pool:
        for number in range(ROUNDS):
            for name in names if number % 2 else reversed(names):
                measured = pool.result(pool.submit(name, take_turn, job), 60)
                (figures,) = of_case(case, [measured], [], []).rounds
                by_round[name][number] = figures.throughput_per_s
            on_round(number + 1)
    return NoiseFloor((EqualPair.of(case, by_round["case"], by_round["twin"]),))


def noise(factor: float) -> Diagnosis:
    """Judge the noise floor: the ratio between two equal cases, at least 1."""
    percent = (factor - 1) * 100
    observed = f"the same point read against itself: up to {percent:.1f} % apart"
    if factor <= 1.03:
        return Diagnosis("noise floor", observed)
    return Diagnosis(
        "noise floor",
        f"{observed}, over {ROUNDS} rounds of {ROUND_S} s",
        "warning" if factor <= 1.2 else "bad",
        f"differences below {percent:.0f} % cannot be told from noise.",
        "Solve the problems above; then use more and longer rounds: --rounds 30 --seconds 1.",
    )


def unknown(reason: str, cure: str) -> Diagnosis:
    """Return the diagnosis if the noise floor could not be measured."""
    return Diagnosis("noise floor", "not measured", "bad", reason, cure)
