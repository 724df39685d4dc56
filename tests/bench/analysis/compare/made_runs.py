"""Synthetic runs of a few cases with a given slowness, and their comparison."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.analysis.compare.comparison import Comparison, SummedUp, compare_summed_up
from bench.analysis.figure import FIGURES
from bench.model.case import Case
from bench.model.fetch import Fetch
from bench.results.entries import Run
from bench.results.file import Results
from tests.bench import synthetic
from tests.bench.synthetic import constant_run

POINT = Case("asyncpg", synthetic.POINT)
MANY = Case("psycopg2", synthetic.MANY, Fetch("streamed"), loop="none")
TWIN = replace(POINT, twin=True)
NOISE = (1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.005, 0.995)


def run(
    folder: Path, slowdowns: dict[Case, float] | None = None, rounds: int = 8, **changes: Any
) -> Results:
    """A run of these cases, each operation so many times a millisecond."""
    cases = slowdowns or {POINT: 1.0, MANY: 1.0, TWIN: 1.0}
    runs: list[Run] = []
    for case, slowdown in cases.items():
        for number, noise in enumerate(NOISE[:rounds]):
            runs.append(constant_run(case, number, round(1_000_000 * slowdown * noise)))
    return Results(folder, synthetic.header(list(cases), rounds, **changes), runs)


def compared(*runs: Results, figure: str = "throughput") -> Comparison:
    named = [SummedUp.of(f"run{number}", each) for number, each in enumerate(runs)]
    return compare_summed_up(named, FIGURES[figure])


SLOWER = {POINT: 1.25, MANY: 1.0, TWIN: 1.25}
