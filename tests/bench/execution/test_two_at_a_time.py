"""Probes in two worker processes at a time: a slow one holds nobody back."""

import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from bench.dataset import lock
from bench.execution.outcomes import Outcomes
from bench.execution.two_at_a_time import TwoAtATime
from bench.measure.worker_pool import Pending, WorkerPool
from bench.model.case import Case
from bench.results.entries import Entry, Failure, Memory
from bench.results.file import Recorder
from bench.server.database import Database
from tests.bench.command import LONGEST_S, wait_until
from tests.bench.execution.test_turns import Silent

SLOW = Case("asyncpg", "mixed")
QUICK = [Case("psycopg2", name) for name in ("get_customers", "get_total_cost_of_an_order")]


def probe(case: Case, done: Path) -> Entry:
    """Wait for the last quick case, if this is the slow one."""
    if case == SLOW:
        wait_until(done.exists)
    elif case == QUICK[-1]:
        done.touch()
    return Memory(case, 1, 1)


def hang(case: Case) -> Entry:
    if case == SLOW:
        time.sleep(60)
    return Memory(case, 1, 1)


@pytest.fixture
def outcomes(shop: Database, tmp_path: Path) -> Iterator[Outcomes]:
    with (
        lock.held(shop) as held,
        WorkerPool() as workers,
        closing(Recorder(tmp_path / "out")) as recorder,
    ):
        yield Outcomes(shop, recorder, Silent(), held, workers)


def test_a_slow_probe_holds_no_other_back(outcomes: Outcomes, tmp_path: Path) -> None:
    """Defect: probes began in pairs, and the quick one's process waited for the slow one's."""

    def submit(case: Case) -> Pending[Entry]:
        return outcomes.workers.submit(case.process, probe, case, tmp_path / "done")

    ended: list[Case] = []
    two = TwoAtATime(outcomes, submit, ended.append, timeout_s=LONGEST_S)
    measured = two.measure([*QUICK, SLOW])
    assert [entry.case for entry in measured] == ended
    assert set(ended) == {*QUICK, SLOW}
    assert not any(isinstance(entry, Failure) for entry in measured)


def test_a_probe_that_hangs_is_given_up_alone(outcomes: Outcomes) -> None:
    """Forbids that a run waits for one probe for ever, or loses those beside it."""

    def submit(case: Case) -> Pending[Entry]:
        return outcomes.workers.submit(case.process, partial(hang, case))

    for name in (SLOW.process, QUICK[0].process):  # the start of a process is not the subject
        outcomes.workers.result(outcomes.workers.submit(name, hang, QUICK[0]), LONGEST_S)
    measured = TwoAtATime(outcomes, submit, lambda case: None, timeout_s=3).measure([*QUICK, SLOW])
    assert [entry.case for entry in measured] == [*QUICK, SLOW]
    assert [isinstance(entry, Failure) for entry in measured] == [False, False, True]
    assert outcomes.given_up == {SLOW}
