"""One process that does one job at a time, behind a pipe of its own.

It is not an executor of the standard library. If the process of an executor is killed in the middle
of an answer, the thread that reads the answer waits for the rest for ever, because it holds the
writing end itself, and the command never ends. Here the parent keeps no end but its own, so the
end of the process is the end of the file.
"""

import logging
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.reduction import ForkingPickler
from types import ModuleType
from typing import Any

from bench.measure.allocator import bring_into
from bench.model.errors import BenchError
from bench.system.current_folder import kept_from_processes, search_in, searched

WORKER_STATE = (
    "allocator warmed by a freed block of 8 MiB, cases `fresh allocator` with glibc's initial"
    " thresholds; backend imported; collection of the two young generations at the start barrier"
)
"""The state of every worker process before its first clock, for the header of a results file."""


class WorkError(BenchError):
    """A job that failed, in one line: not every error can travel between processes."""


class GivenUpError(WorkError):
    """A process took too long, and was ended."""


class DiedError(WorkError):
    """A process ended before its job did: it crashed, or something ended it."""


class WorkerProcess:
    """A process that starts now.

    `guard`: session_guard watches every session in it. `processors`: those that it may use; all if
    None.
    """

    def __init__(
        self,
        context: SpawnContext | ForkServerContext,
        guard: bool,
        processors: tuple[int, ...] | None = None,
    ) -> None:
        self.pipe, its_end = context.Pipe()
        """The parent's end of the pipe: readable when the job has ended, or the process has."""
        self._process = context.Process(
            target=_serve, args=(its_end, guard, processors, searched())
        )
        with kept_from_processes(), _main_kept_out():
            self._process.start()
        its_end.close()

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def send(self, job: Callable[[], Any]) -> None:
        """Give the process a job. A large job waits until the process has started."""
        with suppress(BrokenPipeError, ConnectionResetError):  # the answer will be that it died
            self.pipe.send(job)

    @property
    def answered(self) -> bool:
        """Whether `answer` returns at once: the job has ended, or the process has."""
        return self.pipe.poll(0)

    def answer(self, timeout_s: float) -> Any:
        """Return the job's answer. Raises `WorkError`; after `GivenUpError` it is still at work."""
        if not self.pipe.poll(timeout_s):
            raise GivenUpError(f"no end after {timeout_s:g} s: its process was given up")
        try:
            message = self.pipe.recv_bytes()
        except (EOFError, OSError):  # OSError: in the middle of an answer
            raise DiedError("its process died") from None
        try:
            answer, error = ForkingPickler.loads(message)
        except Exception as unreadable:  # an answer that can't travel
            raise WorkError(_in_words(unreadable)) from unreadable
        if error is not None:
            raise WorkError(error)
        return answer

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.join()
        self.pipe.close()


@contextmanager
def _main_kept_out() -> Iterator[None]:
    """Keep a process that starts in the block from running the command's script again.

    A job is a function of a module that the process imports. The script would import the command
    line, which takes a third of the time of the start.
    https://docs.python.org/3/library/multiprocessing.html#the-spawn-and-forkserver-start-methods
    """
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


def _serve(
    pipe: "Connection[Any, Any]",
    guard: bool,
    processors: tuple[int, ...] | None,
    folder: str | None,
) -> None:
    if processors is not None:
        os.sched_setaffinity(0, processors)
    search_in(folder)
    _enter(guard)
    with suppress(EOFError, ConnectionError):  # the parent is gone
        while True:
            _serve_one(pipe)
    os._exit(1)  # the destructors of open clients would print tracebacks


def _serve_one(pipe: "Connection[Any, Any]") -> None:
    try:
        job = pipe.recv()
        pipe.send(_attempt(job))
    except (EOFError, ConnectionError):
        raise
    except Exception as error:  # a job that can't be loaded here, an answer that can't travel
        pipe.send((None, _in_words(error)))


def _enter(guard: bool) -> None:
    """Prepare the process. It never outlives its parent."""
    bring_into("warmed")
    if guard:
        from session_guard.install import guard_everything

        guard_everything()
    # The parent's stdout is for tables, so the output of foreign code goes to stderr.
    with suppress(OSError):
        os.dup2(2, 1)
    # The samples have the failures that a library logs; stderr is for the command's own lines.
    logging.getLogger().addHandler(logging.NullHandler())
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _attempt(job: Callable[[], Any]) -> tuple[Any, str | None]:
    """Return the job's answer, or its error in words."""
    process = os.getpid()
    try:
        return job(), None
    except BaseException as error:  # a SystemExit of foreign code would end the process
        return None, _in_words(error)
    finally:
        if os.getpid() != process:  # a copy that foreign code has forked would answer, too
            os._exit(1)


def _in_words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]
