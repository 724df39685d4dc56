"""Clients and server on processors of their own, while a run is measured."""

import os
from dataclasses import replace

import psutil
import psycopg
import pytest

from bench.execution.pinning import placement, server_on
from bench.measure.worker_pool import WorkerPool
from bench.model.case import Case
from bench.model.errors import BenchError
from bench.model.plan import Plan
from bench.model.profiles import PROFILES
from bench.model.run_config import Pin, RunConfig
from bench.results import file
from bench.server.database import postmaster_pid
from bench.server.embedded import EmbeddedServer
from bench.system.processors import Halves, halves
from tests.bench.command import Bench
from tests.bench.conftest import SMALL

PARTS = halves()
needs_two = pytest.mark.skipif(PARTS is None, reason="needs two processors, and a system that pins")


def _case(concurrency: int) -> Case:
    return Case("asyncpg", "get_total_cost_of_an_order", concurrency=concurrency)


def config(pin: Pin = "yes", scheduler: str = "", processes: int = 1) -> RunConfig:
    plan = Plan(PROFILES["smoke"], (replace(_case(64), processes=processes),))
    return RunConfig(plan, {}, SMALL, label="", pin=pin, scheduler=scheduler)


@needs_two
def test_the_halves_are_apart_and_complete() -> None:
    assert PARTS is not None
    assert set(PARTS.clients).isdisjoint(PARTS.server)
    assert {*PARTS.clients, *PARTS.server} == os.sched_getaffinity(0)


def test_two_threads_of_a_core_are_in_one_half(monkeypatch: pytest.MonkeyPatch) -> None:
    """Defect: a client would share a core with the server, in two of its threads."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3, 4, 5}, raising=False)
    monkeypatch.setattr("bench.system.processors._core", lambda number: (str(number % 3),))
    assert halves() == Halves((0, 3), (1, 2, 4, 5))
    monkeypatch.setattr("bench.system.processors._core", lambda number: ("0",))
    assert halves() == Halves((0, 1, 2), (3, 4, 5))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert halves() is None


@needs_two
def test_a_worker_process_has_the_processors_that_it_was_given() -> None:
    assert PARTS is not None
    with WorkerPool() as workers:
        workers.pin(PARTS.clients)
        pending = workers.submit("pinned", os.sched_getaffinity, 0)
        assert workers.result(pending, 30) == set(PARTS.clients)
        workers.pin(None)
        pending = workers.submit("free", os.sched_getaffinity, 0)
        assert workers.result(pending, 30) == os.sched_getaffinity(0)


@needs_two
def test_the_server_gets_its_processors_back(server: EmbeddedServer) -> None:
    """Defect: a server that goes on would keep half of the machine after a run."""
    assert PARTS is not None
    with psycopg.connect(server.start()) as before:
        pid = postmaster_pid(before)
        assert pid is not None
        with server_on(pid, PARTS.server), psycopg.connect(server.start()) as connection:
            for one in (before, connection):
                assert psutil.Process(one.info.backend_pid).cpu_affinity() == [*PARTS.server]
            children = psutil.Process(pid).children()
        for process in (psutil.Process(pid), *children):
            if process.is_running():
                assert set(process.cpu_affinity() or []) == os.sched_getaffinity(0)


@pytest.mark.parametrize(
    ("scheduler", "pid", "reason"),
    [
        ("local:2", 1, "the clients are on a cluster"),
        ("", None, "the server does not run on this machine"),
    ],
)
def test_what_cannot_be_pinned_is_refused_or_left(
    scheduler: str, pid: int | None, reason: str
) -> None:
    """Defect: --pin would be ignored in silence, or --budget would fail for a server elsewhere."""
    with pytest.raises(BenchError, match=f"cannot be pinned: {reason}.\nLeave out --pin"):
        placement(config(scheduler=scheduler), pid)
    assert placement(config("if possible", scheduler), pid) is None
    assert placement(config("no", scheduler), pid) is None


@needs_two
def test_more_processes_than_processors_are_not_pinned() -> None:
    """Defect: processes that are to gain by more processors would share one."""
    with pytest.raises(BenchError, match="64 processes have "):
        placement(config(processes=64), os.getpid())


@needs_two
def test_a_pinned_run_says_so(bench: Bench) -> None:
    """Defect: two runs would be compared, one of which was pinned, and nobody would know."""
    done = bench(
        "run", "--backend=asyncpg", "--workload=get_total_cost_of_an_order", "--concurrency=1",
        "--profile=smoke", "--rounds=1", "--seconds=0.02", "--pin", f"--out={bench.out}",
        "--no-charts",
    )  # fmt: skip
    assert done.code == 0, done
    assert f"Pinned: {PARTS}." in " ".join(done.out.split())
    assert file.load(bench.out).header.pinned == PARTS
