"""The command that compares the harness with bare loops: every line, and a bounded time."""

from dataclasses import replace
from time import sleep
from typing import Any

import pytest

import accessors
from accessors.api import Backend
from bench.cli.overhead import _BACKENDS
from bench.measure.runner import Job
from bench.measure.worker_pool import Pending, WorkerPool
from bench.model.case import Case
from bench.model.profiles import POINT_READ
from bench.server.database import Database
from bench.studies.overhead import ab_pairs, overhead
from bench.studies.overhead.ab_pairs import Pair, Turn
from bench.studies.overhead.baseline import ASYNC_LOOPS, SYNC_LOOPS
from bench.studies.overhead.overhead import Overhead, measure
from tests.bench.command import Bench, ctrl_c, finish
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


@pytest.mark.parametrize("name", ["psycopg2", "asyncpg"])
def test_turns_in_which_nothing_began_are_said(shop: Database, name: str) -> None:
    """Defect: a machine that stalled for the length of a turn was a ZeroDivisionError."""
    with pytest.raises(RuntimeError, match="no operation began within 1e-09 s, 3 times in a row"):
        ab_pairs.take_turns(replace(job(shop, name), seconds=1e-9), 2)


def test_a_turn_in_which_nothing_began_is_taken_again(
    shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defect: one such turn of thousands ended the command."""
    taken = ab_pairs._take_turns
    asked: list[int] = []

    def stalled(backend: Backend, job: Job, amount: int) -> list[Pair]:
        asked.append(amount)
        pairs = taken(backend, job, amount)
        return [*pairs[:-1], Pair(Turn(0, 1, 1), pairs[-1].bare)] if len(asked) == 1 else pairs

    monkeypatch.setattr(ab_pairs, "_take_turns", stalled)
    assert len(ab_pairs.take_turns(replace(job(shop, "psycopg2"), seconds=0.3), 2)) == 2
    assert asked[:2] == [3, 2]


def test_the_command_offers_every_bare_loop() -> None:
    assert set(_BACKENDS) == SYNC_LOOPS.keys() | ASYNC_LOOPS.keys()


def test_the_time_is_bounded_and_every_line_has_a_figure(shop: Database) -> None:
    """The command took 6:40 for half of its lines: each went on until its interval was narrow."""
    told: list[Overhead] = []
    jobs = [job(shop, name) for name in ("psycopg2", "asyncpg")]
    with WorkerPool() as workers:
        measured = measure(workers, jobs, 10_000, told.append, budget_s=0)
    assert [line.job for line in measured] == jobs
    assert [len(line.pairs) for line in measured] == [25, 25]
    assert len(told) == 2


class NotedPool(WorkerPool):
    """A pool that notes which process got each job."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def submit(self, name: str, *work: Any) -> Pending[Any]:
        self.names.append(name)
        return super().submit(name, *work)


def test_a_line_is_measured_in_several_processes(
    shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process had all pairs of a line: it was within the limit in one run and beyond in the
    next, each time with a narrow interval."""
    monkeypatch.setattr(overhead, "_AT_ONCE_S", 0.08)
    with NotedPool() as workers:
        (measured,) = overhead.measure(workers, [job(shop, "asyncpg")], 6, lambda _: None)
    assert len(measured.pairs) == 6
    assert workers.names == ["asyncpg 0", "asyncpg 1", "asyncpg 2"]


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


def test_the_time_goes_to_answers_that_are_open() -> None:
    """Defect: lines that were far within the limits, with wide intervals, took turns with a line at
    a limit, whose answer then stayed open."""
    at_limit = overhead_of([0.98, 1.02, 1.04, 1.08, 1.10, 1.12])
    wide = overhead_of([0.90, 0.92, 0.94, 0.98, 1.00, 1.02])
    narrow = overhead_of([1.04] * 9)
    assert overhead.lacking([wide, at_limit, narrow], 3, 20) == [1]
    assert overhead.lacking([wide, narrow, wide], 3, 20) == [0, 2]
    assert overhead.lacking([wide, at_limit, narrow], 2, 20) == [0, 1, 2]
    assert overhead.lacking([wide, at_limit, narrow], 2, 8) == [0, 1]
    assert overhead.lacking([narrow], 3, 20) == []


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("words", "begins", "row"),
    [
        # All lines: a single one may be narrow before the Ctrl-C.
        ((), "harness", "psycopg2        1"),
        (("--guard",), "", "a call on a GuardedSession takes"),
    ],
)
def test_ctrl_c_shows_what_was_measured(
    bench: Bench, words: tuple[str, ...], begins: str, row: str
) -> None:
    """Defect: three minutes of pairs, or two of the guard's turns, were lost by Ctrl-C."""
    command = bench.start("overhead", *words)
    if begins:
        assert command.stdout is not None
        assert command.stdout.readline().startswith(begins)
    sleep(6)
    ctrl_c(command)
    done = finish(command)
    assert (done.code, "Traceback" in done.err) == (130, False), done.err
    if "0 of 16 lines" not in done.err and (begins or done.out):  # a busy machine may have none
        assert row in done.out
