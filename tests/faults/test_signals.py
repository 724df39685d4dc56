"""Every signal, at a random moment, to the command only or to all of its processes."""

import os
import pty
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from bench.server.database import Database
from tests.bench.command import BENCH, LONGEST_S, Bench, finish, wait_until
from tests.faults.campaign import LONG, begin, is_clean, kept, measure, processes_of
from tests.faults.fault import Fault

SEED = int(os.environ.get("FAULTS_SEED") or random.randrange(10_000))
"""The seed, which differs for each test session and is printed with each test."""

TRIALS = 20

HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AT_ONCE = (signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)
HARMLESS = (signal.SIGPIPE, signal.SIGCONT, signal.SIGWINCH, signal.SIGCHLD)

INTERRUPTED = Fault(
    "SIGINT (Ctrl-C), SIGTERM or SIGHUP", "interrupted, after table and report", 130
)
CLOSED = Fault("the terminal is closed", "nothing; table and report are written", 130)
QUIT = Fault(
    "SIGQUIT (Ctrl-\\), SIGUSR1, SIGUSR2 or SIGALRM",
    "the command ends at once; `bench charts` draws the finished runs",
    -signal.SIGQUIT,
)
PASSED = Fault("SIGPIPE, SIGCONT, SIGWINCH or SIGCHLD", "the command continues", 0)
NOHUP = Fault("SIGHUP under nohup", "the command continues", 0)


def hears(command: "subprocess.Popen[str]") -> bool:
    """Return whether the command has set its handlers; before that, Python is only starting."""
    status = Path(f"/proc/{command.pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


@pytest.mark.parametrize("trial", range(TRIALS))
def test_a_signal_at_a_random_moment(bench: Bench, database: Database, trial: int) -> None:
    """Forbids a traceback, and a remaining process, lock or partial schema, at any moment."""
    chance = random.Random(f"{SEED}/{trial}")
    number = chance.choice((*HEARD, *HEARD, *AT_ONCE, *HARMLESS))
    to_all, moment = chance.random() < 0.5, chance.uniform(0, 4)
    print(f"FAULTS_SEED={SEED}: {number.name} to {'all' if to_all else 'one'} at {moment:.2f} s")
    command = begin(bench, "--rounds=12")
    wait_until(lambda: command.poll() is not None or hears(command))
    time.sleep(moment)
    workers = processes_of(command)
    if command.poll() is None:
        (os.killpg if to_all else os.kill)(command.pid, number)
    done = finish(command)
    is_clean(workers, database)
    if done.code == 0:  # the command had ended before the signal
        return
    if number in HEARD:
        assert done.code == INTERRUPTED.code, done
        assert done.err.strip().endswith("interrupted"), done
        assert bench.lines("failure") == []
        if bench.lines("run"):
            assert [end["outcome"] for end in bench.lines("end")] == ["interrupted"]
            assert "operations/s" in done.out
            assert (bench.out / "report.html").exists()
    else:
        assert number in AT_ONCE, done
        assert done.code == -number, done
        assert done.err.count("\n") <= 3, done


def test_the_terminal_is_closed(bench: Bench, database: Database) -> None:
    """Forbids losing the report when the terminal is closed: all printing fails then."""
    ours, theirs = pty.openpty()
    command = subprocess.Popen(
        # The shell of a closed terminal: the kernel sends SIGHUP to its processes.
        ["setsid", "--ctty", BENCH, "run", *LONG, f"--out={bench.out}"],
        env=bench.environment | {"TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    os.set_blocking(ours, False)

    def some() -> bool:
        with suppress(BlockingIOError):
            os.read(ours, 1 << 16)
        return len(bench.lines("run")) > 5

    try:
        wait_until(some)
        workers = processes_of(command)
        os.close(ours)
        assert command.wait(timeout=LONGEST_S) == CLOSED.code
    finally:
        command.kill()
        command.wait()
    kept(bench, "interrupted")
    is_clean(workers, database)


def test_nohup_keeps_it_going(bench: Bench, database: Database) -> None:
    """Forbids handling a signal that the user has set to be ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        command = begin(bench, "--rounds=6")
    finally:
        signal.signal(signal.SIGHUP, before)
    wait_until(lambda: bool(bench.lines("run")))
    os.kill(command.pid, signal.SIGHUP)
    done = finish(command)
    assert done.code == NOHUP.code, done
    kept(bench, "complete")


def test_quitting_keeps_what_was_measured(bench: Bench, database: Database) -> None:
    command = measure(bench)
    workers = processes_of(command)
    os.kill(command.pid, signal.SIGQUIT)
    assert finish(command).code == QUIT.code
    is_clean(workers, database)
    assert bench("charts", str(bench.out)).code == 0
