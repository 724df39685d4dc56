"""The server ends, or stops answering, during a measurement."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from bench.cli.main import INTERRUPTED
from bench.server.database import Database
from bench.server.embedded import EmbeddedServer
from tests.bench.command import Bench, ctrl_c, finish
from tests.faults.campaign import goes_on, is_clean, kept, measure, processes_of
from tests.faults.fault import Fault

WENT_AWAY = "error: the server went away while … was measured."
BETWEEN_RUNS = (
    "error: the server went away (…): cannot connect to …",
    "error: lost the server at …",
)

ENDS = {
    signal.SIGKILL: Fault("the postmaster is killed (kill -9)", WENT_AWAY, 1, BETWEEN_RUNS),
    signal.SIGQUIT: Fault("the server is stopped, mode immediate", WENT_AWAY, 1, BETWEEN_RUNS),
    signal.SIGINT: Fault("the server is stopped, mode fast", WENT_AWAY, 1, BETWEEN_RUNS),
}
PAUSED = Fault(
    "the server is paused for two seconds (SIGSTOP, SIGCONT)", "the command continues", None
)
SILENT = Fault("the server is paused and never continues", WENT_AWAY, 1, BETWEEN_RUNS)
CRASHED = Fault(
    "one of the server's processes is killed (kill -9), and the server recovers",
    "the command continues; the interrupted operations have failed",
    None,
)


@pytest.fixture
def on_mortal(tmp_path: Path, mortal: EmbeddedServer) -> Bench:
    return Bench(tmp_path, mortal.start())


def postmaster(server: EmbeddedServer) -> psutil.Process:
    return psutil.Process(server.status().pid)


@pytest.mark.parametrize("number", ENDS, ids=lambda number: ENDS[number].what)
def test_the_server_ends(on_mortal: Bench, mortal: EmbeddedServer, number: signal.Signals) -> None:
    """Forbids blaming a backend for the end of the server, and losing finished runs."""
    command = measure(on_mortal)
    workers = processes_of(command)
    os.kill(postmaster(mortal).pid, number)
    done = finish(command)
    ENDS[number].is_shown_by(done)
    kept(on_mortal)
    is_clean(workers, Database(mortal.start()))
    (end,) = on_mortal.lines("end")
    assert end["reason"] in done.error[0]


def pause(server: EmbeddedServer) -> list[psutil.Process]:
    whole = [postmaster(server), *postmaster(server).children(recursive=True)]
    for process in whole:
        process.suspend()
    return whole


def test_the_server_is_paused(on_mortal: Bench, mortal: EmbeddedServer) -> None:
    """Forbids giving up a server that is only slow."""
    command = measure(on_mortal)
    workers = processes_of(command)
    paused = pause(mortal)
    time.sleep(2)
    for process in paused:
        process.resume()
    goes_on(on_mortal, command)
    ctrl_c(command)
    assert finish(command).code == INTERRUPTED
    assert on_mortal.lines("failure") == []
    is_clean(workers, Database(mortal.start()))


def test_the_server_answers_no_more(on_mortal: Bench, mortal: EmbeddedServer) -> None:
    """Forbids waiting forever for a server that closes no connection."""
    command = measure(on_mortal, "--timeout=2")
    workers = processes_of(command)
    paused = pause(mortal)
    try:
        SILENT.is_shown_by(finish(command))
    finally:
        for process in paused:
            process.resume()
    kept(on_mortal)
    is_clean(workers, Database(mortal.start()))


def test_a_process_of_the_server_is_killed(on_mortal: Bench, mortal: EmbeddedServer) -> None:
    """Forbids a traceback, and a run without an end, while the server recovers."""
    command = measure(on_mortal)
    workers = processes_of(command)
    clients = [p for p in postmaster(mortal).children() if "[local]" in " ".join(p.cmdline())]
    clients[-1].kill()
    goes_on(on_mortal, command)
    ctrl_c(command)
    done = finish(command)
    assert done.code == INTERRUPTED, done
    assert "It was taken again: no other command has held it since" in done.err
    is_clean(workers, Database(mortal.start()))
