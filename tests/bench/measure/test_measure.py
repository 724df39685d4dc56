"""The order of runs, the file while it grows, and the rows afterwards."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from accessors import discover
from bench.dataset import lock
from bench.dataset.fingerprint import fingerprint
from bench.dataset.windows import window
from bench.execution.jobs import Jobs
from bench.execution.links import Links
from bench.execution.measurement import measure
from bench.model.case import Case
from bench.model.dataset import Dataset
from bench.model.fetch import Fetch
from bench.model.plan import Plan
from bench.model.profiles import PROFILES
from bench.model.run_config import RunConfig
from bench.results.entries import End, Failure, Memory, Run
from bench.results.file import Recorder, load
from bench.server.database import Database
from tests.bench.conftest import SMALL

POINT = "get_total_cost_of_an_order"


def read(out: Path) -> list[str]:
    return (out / "run.jsonl").read_text().splitlines()


class Audience:
    """Remembers each step, and does something at it."""

    def __init__(self, at_step: Callable[[Run | Memory | Failure], None] = lambda outcome: None):
        self.runs: list[Run] = []
        self._at_step = at_step

    def stage(self, what: str, steps: int | None = None) -> None: ...

    def compared(self, backend: str) -> None: ...

    def begin(self, case: Case) -> None: ...

    def step(self, case: Case, outcome: Run | Memory | Failure) -> None:
        if isinstance(outcome, Run):
            self.runs.append(outcome)
        self._at_step(outcome)


def order(*cases: Case, rounds: int = 1, seed: int = 1) -> RunConfig:
    profile = replace(PROFILES["smoke"], rounds=rounds, seconds=0.05, warm_up_s=0.0)
    backends = {case.backend: discover()[case.backend] for case in cases}
    rows = Dataset(SMALL.scale, seed)
    many = tuple(case for case in cases if case.workload == "get_customers")
    planned = Plan(profile, cases, memory_cases=many)
    return RunConfig(planned, backends, rows, label="", verify=False)


def carried_out(an_order: RunConfig, database: Database, folder: Path, audience: Audience) -> None:
    recorder = Recorder(folder)
    try:
        measure(an_order, database, recorder, audience)
    finally:
        recorder.close()


def test_rounds_are_shuffled_alike_for_a_seed(own_shop: Database, tmp_path: Path) -> None:
    cases = [Case("null", POINT, concurrency=n, loop="none") for n in (1, 2, 3)]
    cases += [Case("null-async", POINT, concurrency=n) for n in (1, 2, 3)]
    orders = []
    for attempt in ("first", "second"):
        audience = Audience()
        carried_out(order(*cases, rounds=3), own_shop, tmp_path / attempt, audience)
        keys = [run.case.key for run in audience.runs]
        assert [run.round for run in audience.runs] == [0] * 6 + [1] * 6 + [2] * 6
        orders.append([keys[:6], keys[6:12], keys[12:]])
    assert orders[0] == orders[1]
    for one_round in orders[0]:
        assert sorted(one_round) == sorted(case.key for case in cases)
    assert orders[0][0] != orders[0][1] != orders[0][2]


def test_a_case_may_have_fewer_rounds(own_shop: Database, tmp_path: Path) -> None:
    cases = [Case("null", POINT, concurrency=n, loop="none") for n in (1, 2, 3)]
    made = order(*cases, rounds=3)
    fewer = replace(made.plan, fewer_rounds={cases[0]: 1, cases[1]: 2})
    audience = Audience()
    carried_out(replace(made, plan=fewer), own_shop, tmp_path / "out", audience)
    rounds = [sorted(r.round for r in audience.runs if r.case == case) for case in cases]
    assert rounds == [[0], [0, 1], [0, 1, 2]]
    assert fewer.runs == len(audience.runs)


def test_an_orm_is_warmed_up_by_a_few_of_many_rows(own_shop: Database) -> None:
    """Forbids a warm-up that takes the ORM as long as what is measured: half a minute of five."""
    made = replace(order(), backends=discover(), dataset=Dataset(more_customers=2))
    with lock.held(own_shop) as held, Links(own_shop.url) as links:
        jobs = Jobs(made, held, own_shop, None, links)

        def asked(backend: str, workload: str, size: int | None) -> tuple[Any, Any]:
            job = jobs.of(Case(backend, workload, size=size))
            return job.arguments, job.warm_up_arguments

        assert asked("orm+asyncpg", "get_customers", 10_000) == ((10_000,), (100,))
        assert asked("orm+asyncpg", "get_customers", 10) == ((10,), (10,))
        assert asked("core+asyncpg", "get_customers", 10_000) == ((10_000,), None)
        assert asked("orm+asyncpg", "get_customers", None) == (None, None)
        dates, fewer_dates = asked("orm+asyncpg", "get_orders_between_dates", 101)
        assert (dates, fewer_dates) == (window(held.connection, 101), window(held.connection, 100))


def test_memory_is_timed_only_where_no_round_is(own_shop: Database, tmp_path: Path) -> None:
    """Forbids the time of a fetch beside which others were measured: two at once."""
    rounds = [Case("psycopg2", "get_customers", loop="none"), Case("asyncpg", "get_customers")]
    alone = [replace(case, size=50) for case in rounds]
    made = order(*rounds)
    planned = replace(made.plan, memory_cases=(*alone, *rounds))
    out = tmp_path / "out"
    carried_out(replace(made, plan=planned), own_shop, out, Audience())
    memory = {memory.case: memory for memory in load(out).memory}
    assert set(memory) == {*rounds, *alone}
    assert all(memory[case].rows == SMALL.customers for case in rounds)
    assert [memory[case].elapsed_ns for case in rounds] == [None, None]
    assert all(memory[case].elapsed_ns for case in alone)


def test_each_run_is_in_the_file_when_it_ends(own_shop: Database, tmp_path: Path) -> None:
    out = tmp_path / "out"
    seen = []

    def look(outcome: Run | Memory | Failure) -> None:
        seen.append([json.loads(line)["kind"] for line in read(out)])
        assert len(load(out).runs) == seen[-1].count("run")

    many = Case("null", "get_customers", Fetch("streamed"), loop="none")
    carried_out(order(many, rounds=2), own_shop, out, Audience(look))
    begun = ["header", "memory"]
    assert seen == [begun, [*begun, "run"], [*begun, "run", "run"]]
    header = load(out).header
    for name in ("created_at", "backends", "load_model"):
        assert getattr(header, name)
    assert header.dataset.digest
    assert header.environment.server.transport == "unix socket"
    assert load(out).end == End("complete")


WRITES = [
    Case("psycopg2", "insert_order_items", concurrency=2, loop="none"),
    Case("asyncpg", "add_new_order_for_customer", concurrency=2),
]


def rows_of(database: Database) -> Any:
    with database.connect() as connection:
        return fingerprint(connection)


def test_rows_are_as_before_after_writes(own_shop: Database, tmp_path: Path) -> None:
    before = rows_of(own_shop)
    after_each = []
    audience = Audience(lambda outcome: after_each.append(rows_of(own_shop)))
    carried_out(order(*WRITES, rounds=2), own_shop, tmp_path / "out", audience)
    assert all(found != before for found in after_each)  # they did write
    assert rows_of(own_shop) == before
    assert not any(run.samples.errors for run in audience.runs)


def test_an_interrupted_write_is_mended_by_the_next_command(
    own_shop: Database, tmp_path: Path
) -> None:
    def interrupt(outcome: object) -> None:
        raise KeyboardInterrupt

    before = rows_of(own_shop)
    with pytest.raises(KeyboardInterrupt):
        carried_out(order(*WRITES), own_shop, tmp_path / "out", Audience(interrupt))
    assert rows_of(own_shop) != before
    assert len(load(tmp_path / "out").runs) == 1
    assert load(tmp_path / "out").end == End("interrupted")
    null = order(Case("null", POINT, loop="none"))
    carried_out(null, own_shop, tmp_path / "next", Audience())
    assert rows_of(own_shop) == before
