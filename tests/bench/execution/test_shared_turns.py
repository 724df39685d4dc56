"""Turns that several processes take together, as the command sees them."""

from dataclasses import replace

import pytest

from bench.execution.shared_turns import SharedTurns
from bench.measure.job import Job
from bench.measure.shared_turn import PartOfRun
from bench.measure.turn import ATTEMPTS
from bench.measure.worker_pool import WorkerPool
from bench.measure.worker_process import WorkError
from bench.model.case import Case
from bench.model.dataset import Dataset
from bench.results.entries import Failure, Run
from bench.results.samples import Samples
from bench.server.database import Database
from tests.bench.synthetic import POINT, constant_run

CASE = Case("asyncpg", POINT, concurrency=2, processes=2)
FULL = constant_run(CASE, 0, 1_000_000, 10_000_000)
EMPTY = replace(FULL, samples=Samples())


class _Turns(SharedTurns):
    """Turns whose windows gave these runs, one after the other."""

    def give(self, runs: list[Run]) -> None:
        self.runs = runs

    def _attempt(
        self, job: Job, timeout_s: float, window_s: float | None
    ) -> tuple[list[PartOfRun], dict[int, WorkError]]:
        run = self.runs.pop(0)
        return [PartOfRun(run, 0, 0, 1, frozenset({n}), n) for n in ("1", "2")], {}


@pytest.mark.parametrize("stalls", [1, ATTEMPTS])
def test_a_window_without_operations_is_no_round(stalls: int) -> None:
    """Defect: two processes that both started after their deadline were a round of 0."""
    with WorkerPool() as workers:
        turns = _Turns(workers, Database("postgresql:///"))
        turns.give([EMPTY] * stalls + [FULL])
        outcome = turns.take(Job(CASE, "accessors", "", Dataset(), seconds=0.01), 1.0)
    if stalls < ATTEMPTS:
        assert isinstance(outcome, Run)
        assert len(outcome.samples) == 2 * len(FULL.samples)
    else:
        assert isinstance(outcome, Failure)
        assert "no operation began within 0.01 s, 3 times in a row" in outcome.error
