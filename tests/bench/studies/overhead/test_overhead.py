"""The command that compares the harness with bare loops: every line, and a bounded time."""

import pytest

import accessors
from bench.cli.overhead import _BACKENDS
from bench.measure.runner import Job
from bench.measure.worker_pool import WorkerPool
from bench.model.case import Case
from bench.model.profiles import POINT_READ
from bench.server.database import Database
from bench.studies.overhead.ab_pairs import Pair, Turn
from bench.studies.overhead.baseline import ASYNC_LOOPS, SYNC_LOOPS
from bench.studies.overhead.overhead import Overhead, measure
from tests.bench.conftest import SMALL


def job(shop: Database, name: str, concurrency: int = 2) -> Job:
    case = Case(name, POINT_READ, concurrency=concurrency)
    url = shop.url_for(accessors.load(name).driver)
    return Job(case, accessors.BUILTIN[name], url, SMALL, seconds=0.02, warm_up_s=0.01)


@pytest.mark.parametrize("name", [*SYNC_LOOPS, *ASYNC_LOOPS])
def test_each_backend_has_a_bare_loop_that_reads(shop: Database, name: str) -> None:
    """`bench overhead` promised its limits for two drivers only, and not for Core and the ORM."""
    with WorkerPool() as workers:
        (measured,) = measure(workers, [job(shop, name)], 2, lambda _: None)
    assert len(measured.pairs) == 2
    assert all(turn.operations > 0 for p in measured.pairs for turn in (p.harness, p.bare))


def test_the_command_offers_every_bare_loop() -> None:
    assert set(_BACKENDS) == SYNC_LOOPS.keys() | ASYNC_LOOPS.keys()


def test_the_time_is_bounded_and_every_line_has_a_figure(shop: Database) -> None:
    """The command took 6:40 for half of its lines: each went on until its interval was narrow."""
    told: list[Overhead] = []
    jobs = [job(shop, name) for name in ("psycopg2", "asyncpg")]
    with WorkerPool() as workers:
        measured = measure(workers, jobs, 10_000, told.append, budget_s=0)
    assert [overhead.job for overhead in measured] == jobs
    assert [len(overhead.pairs) for overhead in measured] == [50, 50]
    assert len(told) == 2


def overhead_of(ratios: list[float]) -> Overhead:
    """Return an overhead with these ratios of client CPU, and equal throughput."""
    case = Case("asyncpg", POINT_READ)
    pairs = [
        Pair(Turn(1_000, 10**9, round(ratio * 10**9)), Turn(1_000, 10**9, 10**9))
        for ratio in ratios
    ]
    return Overhead(Job(case, accessors.BUILTIN["asyncpg"], "", SMALL), pairs)


@pytest.mark.parametrize(
    ("ratios", "kept"),
    [
        ([1.04] * 9, True),
        ([1.06] * 9, False),
        ([1.00, 1.01, 1.02, 1.03, 1.03, 1.04], True),
        ([0.98, 1.02, 1.04, 1.08, 1.10, 1.12], None),
        ([1.06, 1.08, 1.10, 1.12, 1.14, 1.16], False),
    ],
)
def test_a_limit_within_a_wide_interval_is_no_verdict(
    ratios: list[float], kept: bool | None
) -> None:
    """On a busy machine the command said that the limit was exceeded, or kept, by chance."""
    assert overhead_of(ratios).kept is kept
