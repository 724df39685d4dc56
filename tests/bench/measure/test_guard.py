"""The guard beside the harness: what it costs, and that a result says whether it was on."""

import pytest
from session_guard import violations
from session_guard.engine import is_guarded_engine
from sqlalchemy.engine import Engine

from bench.measure.worker_pool import WorkerPool
from bench.server.database import Database
from bench.studies.overhead.guard import PARTS, SHOWN, GuardCost, measure
from tests.bench.command import Bench
from tests.bench.conftest import SMALL


def engines_are_guarded() -> bool:
    return is_guarded_engine(Engine)


@pytest.mark.parametrize("guard", [True, False])
def test_the_processes_that_measure_are_guarded_where_it_is_asked_for(guard: bool) -> None:
    with WorkerPool(guard) as crew:
        assert crew.result(crew.submit("a", engines_are_guarded), 60) is guard
    assert not engines_are_guarded()


@pytest.mark.parametrize("options", [(), ("--guard",)])
def test_a_result_says_whether_it_was_on(bench: Bench, options: tuple[str, ...]) -> None:
    """And nothing of ours breaks the rule: every operation succeeds."""
    done = bench.measure("--backend=orm+asyncpg", "--seconds=0.05", "--scale=0.01", *options)
    assert done.code == 0, done.err
    (header,) = bench.lines("header")
    assert header["session_guard"] is bool(options)
    assert all(run["samples"]["errors"] == {} for run in bench.lines("run"))


def test_the_cost_is_measured_on_all_sides(shop: Database) -> None:
    told: list[GuardCost] = []
    violations(clear=True)
    found = measure(shop.url, SMALL.orders, 3, told.append)
    assert [len(each.rounds) for each in told] == [3, 6]
    for each, part in zip(found.rounds, [PARTS[0]] * 3 + [PARTS[1]] * 3, strict=True):
        assert set(each.call_ns) == set(each.unit_ns) == set(part)
    assert all(found.share(side).median > 0 for side in SHOWN)
    assert violations() == ()


def test_what_is_measured_of_the_harness_alone_is_refused(bench: Bench) -> None:
    done = bench("overhead", "--guard", "--concurrency=3")
    assert done.code == 2
    assert done.error[0].startswith("error: --concurrency is for the harness")
