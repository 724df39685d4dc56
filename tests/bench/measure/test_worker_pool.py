"""A crew of processes: what dies is replaced, what hangs is ended, and none is left."""

import fcntl
import logging
import multiprocessing
import os
import signal
import sys
import termios
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import psutil
import pytest

from bench.measure.worker_pool import WorkerPool
from bench.measure.worker_process import DiedError, GivenUpError, WorkerProcess, WorkError
from tests.bench.command import LONGEST_S, wait_until


class Unportable(Exception):  # noqa: N818
    """Can be pickled, and never be unpickled."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


def unportable() -> None:
    raise Unportable("this", "that")


class Unspeakable:
    """Can't be pickled."""

    def __reduce__(self) -> str:
        raise TypeError("Unspeakable")


def unspeakable() -> Unspeakable:
    return Unspeakable()


def unreadable() -> Unportable:
    return Unportable("this", "that")


def leave() -> None:
    raise SystemExit(3)


def deaf() -> bool:
    """Whether nothing that a terminal sends to all reaches this process."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    return {signal.SIGINT, signal.SIGTERM, signal.SIGHUP} <= blocked


def speak() -> None:
    """Print, and log what nobody handles, as psycopg's pool does."""
    print("printed", flush=True)
    logging.getLogger("psycopg.pool").warning("logged")


def fork() -> int:
    return os.fork()


@pytest.fixture(scope="module")
def crew() -> Iterator[WorkerPool]:
    with WorkerPool() as one:
        yield one


def test_a_process_says_nothing_on_stdout(
    crew: WorkerPool, capfd: pytest.CaptureFixture[str]
) -> None:
    """The defect: 'No handlers could be found for logger "psycopg.pool"', and words in tables."""
    with WorkerPool() as fresh:  # its output is what is captured now
        fresh.result(fresh.submit("speaks", speak), LONGEST_S)
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "printed\n")


def test_a_job_that_forks_is_answered_once(crew: WorkerPool) -> None:
    """The defect: the copy answers, too, and its answer is taken for that of the next job."""
    assert crew.result(crew.submit("forks", fork), LONGEST_S) > 0
    assert crew.result(crew.submit("forks", max, 1, 2), LONGEST_S) == 2


def test_one_process_a_name(crew: WorkerPool) -> None:
    pids = [crew.result(crew.submit(name, os.getpid), LONGEST_S) for name in ("a", "b", "a")]
    assert pids[0] == pids[2] != pids[1]
    assert os.getpid() not in pids
    assert crew.result(crew.submit("a", deaf), LONGEST_S)
    assert not deaf()


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (unportable, "Unportable: this and that"),
        (leave, "SystemExit: 3"),
        (unspeakable, r".*Unspeakable.*"),
        (unreadable, r"TypeError: .*missing 1 required positional argument: 'second'"),
    ],
)
def test_every_error_travels_as_words(crew: WorkerPool, work: object, said: str) -> None:
    """Forbids an error that can't be unpickled to end its process: "its process died"."""
    with pytest.raises(WorkError, match=f"^{said}$"):
        crew.result(crew.submit("a", work), LONGEST_S)  # type: ignore[arg-type]
    assert crew.result(crew.submit("a", abs, -1), LONGEST_S) == 1


def test_one_that_dies_is_replaced(crew: WorkerPool) -> None:
    with pytest.raises(WorkError, match="its process died"):
        crew.result(crew.submit("a", _die), LONGEST_S)
    assert crew.result(crew.submit("a", abs, -1), LONGEST_S) == 1


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_one_that_died_idle_is_replaced(crew: WorkerPool) -> None:
    """Forbids a traceback when the next job is submitted: it was nobody's failure."""
    pid = crew.result(crew.submit("a", os.getpid), LONGEST_S)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: pid not in {child.pid for child in multiprocessing.active_children()})
    time.sleep(0.1)
    assert crew.result(crew.submit("a", os.getpid), LONGEST_S) != pid


def test_one_that_hangs_is_ended(crew: WorkerPool) -> None:
    pid = crew.result(crew.submit("a", os.getpid), LONGEST_S)
    with pytest.raises(GivenUpError, match=r"no end after 0\.1 s"):
        crew.result(crew.submit("a", time.sleep, 100), 0.1)
    assert pid not in {child.pid for child in multiprocessing.active_children()}
    assert crew.result(crew.submit("a", abs, -1), LONGEST_S) == 1


def endless() -> bytes:
    return b"x" * 100_000_000


@pytest.mark.parametrize("end", ["leave", "dismiss", "die"])
def test_one_that_ends_in_the_middle_of_an_answer(end: str) -> None:
    """Forbids a command that never ends: a thread of its executor waited for the answer's rest."""
    before = set(multiprocessing.active_children())
    with WorkerPool() as crew:
        pid = crew.result(crew.submit("a", os.getpid), LONGEST_S)
        pending = crew.submit("a", endless)
        wait_until(lambda: psutil.Process(pid).memory_info().rss > 200_000_000)  # it was pickled
        if end == "dismiss":
            crew.dismiss("a")
        if end == "die":
            os.kill(pid, signal.SIGSTOP)
            threading.Timer(0.5, os.kill, (pid, signal.SIGKILL)).start()
            with pytest.raises(DiedError):
                crew.result(pending, LONGEST_S)
        if end != "leave":
            assert crew.result(crew.submit("a", abs, -1), LONGEST_S) == 1
    assert set(multiprocessing.active_children()) <= before


def unread_bytes(pipe: "Connection[Any, Any]") -> int:
    """Return the number of bytes that have arrived and that nobody has read."""
    number = fcntl.ioctl(pipe.fileno(), termios.FIONREAD, bytes(4))
    return int.from_bytes(number, sys.byteorder)


def test_one_that_is_killed_after_a_part_of_its_answer_has_died() -> None:
    """Defect: the failure was "OSError: got end of file during message", and the dead process was
    kept.
    """
    one = WorkerProcess(multiprocessing.get_context("spawn"), guard=False)
    one.send(os.getpid)
    pid = one.answer(LONGEST_S)
    one.send(endless)
    wait_until(lambda: unread_bytes(one.pipe) > 1_000)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(DiedError):
        one.answer(LONGEST_S)
    one.kill()


def test_none_is_left() -> None:
    before = set(multiprocessing.active_children())
    with WorkerPool() as crew:
        crew.submit("busy", time.sleep, 100)
        wait_until(lambda: set(multiprocessing.active_children()) - before)
    assert set(multiprocessing.active_children()) <= before


class Kept:
    """An open client, as its destructor shows."""

    def __del__(self) -> None:
        print("a client was left open", flush=True)


def keep() -> bool:
    globals()["kept"] = Kept()
    return True


def test_a_process_whose_parent_is_gone_ends_silently(capfd: pytest.CaptureFixture[str]) -> None:
    """Defect: `Event loop is closed`, with tracebacks of the tasks of open clients."""
    one = WorkerProcess(multiprocessing.get_context("spawn"), guard=False)
    one.send(keep)
    assert one.answer(LONGEST_S)
    one.pipe.close()  # as the end of the parent does
    wait_until(lambda: not one.alive)
    assert capfd.readouterr() == ("", "")
