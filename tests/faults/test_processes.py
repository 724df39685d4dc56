"""A process of the command is killed."""

import os
import signal

from bench.cli.main import INTERRUPTED
from bench.server.database import Database
from tests.bench.command import LONGEST_S, Bench, ctrl_c, finish, wait_until
from tests.faults.campaign import is_clean, measure, processes_of
from tests.faults.fault import Fault

WORKER = Fault(
    "a worker process is killed (kill -9)",
    "its current run has failed; the others continue",
    None,
)
PARENT = Fault(
    "the command itself is killed (kill -9)",
    "nothing; `bench charts` draws the finished runs",
    -signal.SIGKILL,
)


def test_a_worker_is_killed(bench: Bench, database: Database) -> None:
    """Forbids a command that waits forever for a dead process, or ends because of one backend."""
    command = measure(bench)
    workers = processes_of(command)
    busy = [process for process in workers if "spawn_main" in " ".join(process.cmdline())]
    for process in busy[:1]:
        process.kill()
    before = len(bench.lines("run"))
    wait_until(lambda: len(bench.lines("run")) > before + 4 or command.poll() is not None)
    workers += processes_of(command)
    ctrl_c(command)
    done = finish(command)
    assert done.code == INTERRUPTED
    failures = {line["error"] for line in bench.lines("failure")}
    assert failures <= {"its process died"}  # no failure if it died between two runs
    is_clean(workers, database)


def test_the_command_is_killed(bench: Bench, database: Database) -> None:
    """Forbids worker processes without a parent, and a lock that outlives its holder."""
    command = measure(bench)
    workers = processes_of(command)
    os.kill(command.pid, signal.SIGKILL)
    assert command.wait(timeout=LONGEST_S) == PARENT.code
    command.communicate()
    is_clean(workers, database)
    drawn = bench("charts", str(bench.out))
    assert drawn.code == 0, drawn
