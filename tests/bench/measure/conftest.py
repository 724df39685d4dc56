"""Runs of backends that note everything, in this process."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bench.measure.runner import Job, run
from bench.model.case import Case
from bench.model.profiles import HEARTBEAT_S
from bench.results.entries import Run
from bench.server.database import Database, postmaster_pid
from tests.bench.conftest import SMALL
from tests.bench.recording import Record, record

POINT = "get_total_cost_of_an_order"
BOTH = pytest.mark.parametrize("name", ["recording", "recording-async"])

Measure = Callable[..., Run]


def again_while(stalled: Callable[[Run], bool], measured: Callable[[], Run]) -> Run:
    """Measure with an empty record, and again while the machine stalled in the window.

    A machine that stalls ten times in a row is a defect: the caller's assertions show it.
    """
    for _ in range(10):
        for noted in (record.sessions, record.calls, record.targets):
            noted.clear()
        found = measured()
        if not stalled(found):
            break
    return found


def without_a_turn(run: Run) -> bool:
    """Return whether a client had no time for an operation."""
    return run.fewest_operations == 0


@pytest.fixture(autouse=True)
def clean() -> None:
    record.__dict__.update(vars(Record()))


@pytest.fixture
def measure(shop: Database) -> Measure:
    with shop.connect() as connection:
        pid = postmaster_pid(connection)

    def one(
        name: str,
        seconds: float = 0.03,
        warm_up_s: float = 0.0,
        heartbeat_s: float = HEARTBEAT_S,
        asked: tuple[Any, ...] | None = None,
        asked_before: tuple[Any, ...] | None = None,
        **factors: Any,
    ) -> Run:
        loop = "asyncio" if "async" in name else "none"
        case = replace(Case(name, POINT, loop=loop), **factors)
        module = "tests.bench.recording" if name.startswith("recording") else None
        job = Job(case, module, shop.url, SMALL, 0, seconds, warm_up_s, pid, asked, asked_before)  # type: ignore[arg-type]
        return run(replace(job, heartbeat_s=heartbeat_s))

    return one
