"""`bench run --scheduler`: the clients of a run on the workers of a Dask cluster."""

import logging
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.cluster import scheduler
from bench.cluster.client_host import ClientHost
from bench.cluster.cluster_pool import ClusterPool, Place
from bench.cluster.machine import Facts, this_machine
from bench.measure.worker_process import DiedError
from bench.model.errors import BenchError, UsageError
from bench.results import file
from bench.server.database import Database
from tests.bench.cluster.dask_programs import Programs, namespaces, no_namespaces, programs
from tests.bench.command import (
    LONGEST_S,
    ONE_CASE,
    POINT,
    Bench,
    Done,
    ctrl_c,
    finish,
    wait_until,
    workers,
)
from tests.listening import PASSWORD, listening

SHARED = ("--backend=psycopg2", "--no-verify", "--concurrency=3", "--processes=1,2")


def run(bench: Bench, *options: str) -> Done:
    return bench("run", *ONE_CASE, *SHARED, f"--out={bench.out}", "--seconds=0.1", *options)


def test_a_local_cluster(bench: Bench) -> None:
    """Two workers of Dask, each with worker processes of ours; nothing is left at the end."""
    done = run(bench, "--scheduler=local:2")
    assert done.code == 0, done.err
    results = file.load(bench.out)
    (machine,) = results.header.cluster
    assert machine.workers == 2
    assert machine.clock_error_ns
    assert {"distributed", "psycopg2-binary"} <= machine.packages.keys()
    shared = [each for each in results.runs if each.case.processes == 2]
    assert len(shared) == 2
    assert all(each.connections == 3 and each.server_cpu_ns for each in shared)
    assert all(set(each.samples.worker) <= {0, 1, 2} for each in results.runs)
    assert "distributed" not in done.err + done.out
    folders = [process.info["cwd"] for process in psutil.process_iter(["cwd"])]
    assert str(bench.folder) not in folders


@pytest.mark.parametrize("text", ["host:8786", "local:0", "local:", "http://host:8786", "tcp://h"])
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no scheduler"):
        scheduler.check(text)


def test_without_distributed_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scheduler, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'gatherbench\[cluster\]'"):
        scheduler.check("local:2")


def test_a_proxy_here_is_not_between_clients_elsewhere(bench: Bench) -> None:
    done = run(bench, "--scheduler=local:2", "--latency=1ms")
    assert (done.code, len(done.error)) == (2, 2)
    assert "--latency and --scheduler exclude each other" in done.error[0]


FILE = """
from bench.workloads import Read, Workload
TIME = "SELECT :n::int / (pg_catalog.current_setting('statement_timeout') <> '0')::int AS n"
here = Workload("here", {Read("r", sql=TIME, arguments=[(1,)]): 1})
made = Workload("made", {Read("m", sql="SELECT 1"): 1}, setup="CREATE TABLE t ()")
"""


def of_file(bench: Bench, workload: str, *options: str) -> Done:
    (bench.folder / "own.py").write_text(FILE)
    words = ("--workload-file=own.py", f"--workload={workload}", "--backend=psycopg2", *options)
    short = ("--rounds=1", "--seconds=0.1", "--warm-up=0", f"--out={bench.out}")
    return bench("run", *words, *short)


def test_another_form_of_job_a_workload_file(bench: Bench) -> None:
    """Defect: a workload file was refused on a cluster; its sessions had no time limit there."""
    done = of_file(bench, "here", "--concurrency=2", "--processes=2", "--scheduler=local:2")
    assert done.code == 0, done.err
    results = file.load(bench.out)
    assert results.header.cluster[0].workers == 2
    assert {(each.case.workload, each.case.processes) for each in results.runs} == {("here", 2)}


def test_another_form_of_job_a_file_with_its_own_database(bench: Bench) -> None:
    """Forbids that a worker measures the database of its URL in place of the one of setup=."""
    done = of_file(bench, "made", "--scheduler=local:2")
    assert (done.code, len(done.error)) == (2, 2)
    assert "--scheduler is not for a workload with setup=" in done.error[0]


def test_a_machine_without_the_file_is_named() -> None:
    """Forbids that each case fails by itself, after the others were measured."""
    place = Place("tcp://b", _Without(), Facts(this_machine("b"), "", ""))
    pool = ClusterPool([place], {}, lambda: ["tcp://b"], "tcp://s")
    with pytest.raises(BenchError, match=r"\(b\) has no file /own\.py\.\nCopy the file"):
        pool.check_file("/own.py")


def test_a_call_to_a_lost_worker_fails_its_case() -> None:
    """Defect: Dask's RuntimeError for a worker that it knew to be lost ended the whole run."""
    places = [Place(f"tcp://{name}", host, Facts(this_machine(name), "", ""))
              for name, host in (("a", _Lost()), ("b", _Answering()))]  # fmt: skip
    pool = ClusterPool(places, {}, lambda: ["tcp://a", "tcp://b"], "tcp://s")
    pool.start(["p"])
    assert places[0].lost
    places[0].lost = False  # Dask may know of a loss before its scheduler says so
    pending = pool.submit("p", len, [1, 2])
    assert pool.answered(pending)
    with pytest.raises(DiedError, match="the cluster's worker tcp://a was lost"):
        pool.result(pending, 1)
    assert pool.result(pool.submit("p", len, [1, 2]), 1) == 2


class _Lost:
    """A client host as Dask gives it once its worker was lost."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("Worker holding Actor was lost.  Status: cancelled")


class _Answering:
    """A client host as Dask gives it, in this process."""

    def perform(self, name: str, work: Callable[..., Any], *arguments: Any) -> Any:
        answer: Future[Any] = Future()
        answer.set_result((work(*arguments), "", ""))
        return answer


def test_no_logger_of_dask_writes_into_the_table() -> None:
    """Defect: loggers with a level of their own wrote tracebacks when a worker was lost."""
    scheduler._quiet()
    for name in ("distributed.client", "distributed.scheduler", "tornado.application"):
        assert not logging.getLogger(name).isEnabledFor(logging.ERROR), name


class _Without(ClientHost):
    """A client host as Dask gives it, in this process: the answer is a future."""

    def __init__(self) -> None:
        pass

    def has_file(self, path: str) -> Any:
        answer: Future[bool] = Future()
        answer.set_result(super().has_file(path))
        return answer


def test_a_scheduler_that_is_not_there(bench: Bench) -> None:
    done = run(bench, "--scheduler=tcp://127.0.0.1:9")
    assert (done.code, len(done.error)) == (1, 2)
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in done.error[0]


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Programs]:
    folder = tmp_path / "dask"
    folder.mkdir()
    with programs(folder) as started:
        yield started


def test_workers_that_cannot_be_used_are_named(bench: Bench, dask: Programs) -> None:
    """No worker, one without the database, one with another database: two lines each."""
    done = run(bench, f"--scheduler={dask.address}")
    assert (done.code, len(done.error)) == (1, 2)
    assert "has no workers" in done.error[0]
    dask.worker("bare")
    done = run(bench, f"--scheduler={dask.address}")
    assert (done.code, len(done.error)) == (1, 2)
    assert "has no DATABASE_URL" in done.error[0]
    dask.stop("bare")
    dask.worker("elsewhere", "postgresql://nobody@127.0.0.1:9/none")
    done = run(bench, f"--scheduler={dask.address}")
    assert (done.code, len(done.error)) == (1, 2)
    assert "cannot reach the database" in done.error[0]
    assert not (bench.out / "run.jsonl").exists()


def test_a_worker_of_another_version_or_database_is_refused(
    bench: Bench, dask: Programs, database: Database
) -> None:
    from distributed import Client

    from bench.cluster.scheduler import _check_places, _places
    from bench.model.errors import BenchError

    dask.worker("one", bench.environment["DATABASE_URL"])
    with (
        Client(dask.address) as client,
        _places(client, dask.address, [], False) as (place,),
    ):
        _check_places([place], database)
        machine = replace(place.facts.machine, gatherbench="0.0.1")
        other = replace(place, facts=replace(place.facts, machine=machine))
        with pytest.raises(BenchError, match=r"has gatherbench 0\.0\.1, this command has"):
            _check_places([other], database)
        other = replace(place, facts=replace(place.facts, database="1/2"))
        with pytest.raises(BenchError, match="leads to another database"):
            _check_places([other], database)


def test_a_worker_that_is_killed_fails_its_case_by_name(bench: Bench) -> None:
    """The others go on, Ctrl-C ends the run as ever, and no process of Dask is left."""
    command = bench.start(
        "run", *ONE_CASE[:-2], *SHARED, f"--out={bench.out}", "--scheduler=local:2",
        "--rounds=100000", "--timeout=5",
    )  # fmt: skip
    wait_until(lambda: len(bench.lines("run")) > 5)
    clients = [p for p in workers(command) if len(p.children()) > 0 and p.name() != "bench"]
    hosts = [p for p in clients if "spawn_main" in " ".join(p.cmdline())]
    os.kill(hosts[0].pid, signal.SIGKILL)
    wait_until(lambda: bench.lines("failure"))
    before = len(bench.lines("run"))
    wait_until(lambda: len(bench.lines("run")) > before + 8)
    started = workers(command)
    ctrl_c(command)
    done = finish(command)
    assert done.code == 130
    assert "distributed" not in done.err
    assert not psutil.wait_procs(started, timeout=LONGEST_S)[1]
    failure = bench.lines("failure")[0]
    assert "the cluster's worker tls://127.0.0.1:" in failure["error"]
    assert failure["error"].endswith("was lost")
    assert [end["outcome"] for end in bench.lines("end")] == ["interrupted"]


def test_a_scheduler_that_ends_in_mid_run_ends_the_run(bench: Bench, dask: Programs) -> None:
    dask.worker("one", bench.environment["DATABASE_URL"])
    command = bench.start(
        "run", *ONE_CASE[:-2], *SHARED, f"--out={bench.out}", f"--scheduler={dask.address}",
        "--rounds=100000",
    )  # fmt: skip
    wait_until(lambda: len(bench.lines("run")) > 5)
    hosts = psutil.Process(dask.started["one"].pid).children(recursive=True)
    dask.stop("scheduler")
    done = finish(command)
    assert (done.code, len(done.error)) == (1, 2), done.err
    assert dask.address in done.error[0]
    assert "What was measured before is kept." in done.error[1]
    assert bench.lines("end")[0]["outcome"] == "failed"
    dask.stop("one")
    assert not psutil.wait_procs(hosts, timeout=LONGEST_S)[1]


@pytest.mark.skipif(bool(no_namespaces()), reason=no_namespaces() or "-")
def test_two_machines_with_addresses_of_their_own(tmp_path: Path) -> None:
    """Two network namespaces stand for the machines. No log of Dask has the password."""
    folder = tmp_path / "dask"
    folder.mkdir()
    rules = "host all all 10.0.0.0/8 scram-sha-256\n"
    with (
        namespaces(2) as made,
        listening(rules, {"listen_addresses": "*"}) as server,
        programs(folder, "0.0.0.0") as dask,
    ):
        for name, _, here in made:
            dask.host = here
            dask.worker(name, server.url(host=here), ("ip", "netns", "exec", name))
        bench = Bench(tmp_path, server.url(host=made[0][2]))
        done = run(bench, f"--scheduler={dask.address}", "--seconds=0.3")
        logs = "".join(dask.log(name) for name in ("scheduler", *(name for name, *_ in made)))
    assert done.code == 0, done.err
    results = file.load(bench.out)
    names = {machine.name for machine in results.header.cluster}
    assert len(names) == 2
    assert all(any(address in name for name in names if name) for _, address, _ in made)
    shared = [each for each in results.runs if each.case.processes == 2]
    assert len(shared) == 2
    assert all(each.connections == 3 for each in shared)
    assert {client for each in shared for client in each.samples.worker} == {0, 1, 2}
    secret = server.url().split(":")[2].split("@")[0]
    assert secret not in logs
    assert PASSWORD not in logs
    assert secret not in (bench.out / "run.jsonl").read_text()
    assert POINT in done.out
