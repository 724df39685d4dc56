"""A run with a budget, and one whose worker processes are restarted, on a real server."""

import time
from collections import Counter
from dataclasses import replace
from math import inf
from pathlib import Path

from accessors import discover
from bench.analysis.stopping import Stopping
from bench.execution.measurement import measure
from bench.execution.turns import due, enough_left_s
from bench.model.case import Case
from bench.model.plan import Plan
from bench.model.profiles import LEAST_ROUNDS, PROFILES
from bench.model.run_config import RunConfig
from bench.results.entries import Entry
from bench.results.file import Recorder, Results, load
from bench.server.database import Database
from tests.bench.conftest import SMALL

POINT = "get_total_cost_of_an_order"
PSYCOPG2 = Case("psycopg2", POINT, loop="none")
NULL = Case("null", POINT, loop="none")


class Silent:
    """A listener that shows nothing."""

    def stage(self, what: str, steps: int | None = None) -> None: ...

    def compared(self, backend: str) -> None: ...

    def begin(self, case: Case) -> None: ...

    def step(self, case: Case, outcome: Entry) -> None: ...


def measured(
    database: Database,
    folder: Path,
    *cases: Case,
    rounds: int = 1,
    seconds: float = 0.02,
    budget_s: float | None = None,
    stopping: Stopping | None = None,
    enough_s: float | None = None,
) -> Results:
    smoke = PROFILES["smoke"]
    profile = replace(smoke, rounds=rounds, seconds=seconds, warm_up_s=0.01, enough_s=enough_s)
    backends = {case.backend: discover()[case.backend] for case in cases}
    config = RunConfig(
        Plan(profile, cases), backends, SMALL, label="", verify=False, budget_s=budget_s
    )
    recorder = Recorder(folder)
    try:
        measure(config, database, recorder, Silent(), stopping)
    finally:
        recorder.close()
    return load(folder)


def test_processes_are_restarted_a_few_times(shop: Database, tmp_path: Path) -> None:
    """Defect: one set of processes is one draw of their luck, however many rounds it has."""
    found = measured(shop, tmp_path / "out", PSYCOPG2, NULL, rounds=7)
    for case in (PSYCOPG2, NULL):
        runs = [(run.round, run.generation) for run in found.runs if run.case == case]
        assert runs == [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (6, 2)]


def test_a_run_with_enough_windows_takes_no_more_rounds(shop: Database, tmp_path: Path) -> None:
    """Defect: on a slow machine windows are longer, and a quick run measured 67 s in 120."""
    enough = measured(shop, tmp_path / "enough", PSYCOPG2, rounds=12, enough_s=0.01)
    assert [run.round for run in enough.runs] == list(range(LEAST_ROUNDS))
    assert [run.generation for run in enough.runs] == [0] * 4 + [1] * 4 + [2]
    more = measured(shop, tmp_path / "more", PSYCOPG2, rounds=12, enough_s=100)
    assert [run.round for run in more.runs] == list(range(12))


def test_groups_of_cases_share_what_is_enough() -> None:
    """Defect: the cases that were measured last in a generation had nine rounds, others twelve."""
    assert enough_left_s(60, [20, 10]) == [20, 10]
    assert enough_left_s(60, [80, 40]) == [-40, -20]
    assert enough_left_s(60, [0, 0]) == enough_left_s(None, [20, 10]) == [inf, inf]


def test_processes_that_share_long_operations_have_a_longer_window(
    shop: Database, tmp_path: Path
) -> None:
    """Defect: one window of a second for operations of a second: no throughput was certain, and
    nothing was found out about several processes."""
    case = Case("psycopg2", "get_customers", concurrency=2, loop="none", processes=2)
    found = measured(shop, tmp_path / "out", case, rounds=2, seconds=0.001)
    assert [run.round for run in found.runs] == [0, 1]
    assert all(run.window_ns > 1_000_000 for run in found.runs)


def test_the_time_of_each_stage_is_in_the_file(shop: Database, tmp_path: Path) -> None:
    """Defect: 25 of 107 seconds were windows, and no line said so."""
    found = measured(shop, tmp_path / "out", PSYCOPG2, rounds=2)
    assert found.end is not None
    assert found.end.seconds["windows"] >= 2 * 0.02
    assert {"rows", "measurement"} <= found.end.seconds.keys()


def test_a_budget_ends_with_the_last_comparison(shop: Database, tmp_path: Path) -> None:
    """Defect: the same number of rounds for what differs by a factor and for what is close."""
    stopping = Stopping([PSYCOPG2, NULL])
    began = time.monotonic()
    found = measured(shop, tmp_path / "out", PSYCOPG2, NULL, budget_s=300.0, stopping=stopping)
    assert time.monotonic() - began < 200
    assert found.header.budget_s == 300.0
    comparison, cpu = stopping.comparisons()
    assert cpu.decision == "faster"
    assert (comparison.case, comparison.base, comparison.decision) == (NULL, PSYCOPG2, "faster")
    turns = Counter(run.case for run in found.runs)
    assert turns[NULL] == turns[PSYCOPG2] == comparison.turns < 50


def test_twins_have_few_turns_of_a_budget() -> None:
    """Defect: a third of a budget went to twins, on which no decision rests."""
    twin = replace(NULL, twin=True)
    cases = [PSYCOPG2, NULL, twin]
    assert [twin in due(cases, number) for number in range(5)] == [True, False, False, False, True]
    assert due([twin], 1) == [twin]
