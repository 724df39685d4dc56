"""A process per backend: one library, one heap, one interpreter lock each.

Each sits behind an executor of the standard library and is given small picklable jobs, so that
another engine's executor could take its place.
"""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import ParamSpec, Self, TypeVar

import accessors
from bench.errors import BenchError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

PATIENCE_S = 120.0
"""How much longer than planned a process may take before it is given up."""

_SPAWN = multiprocessing.get_context("spawn")

_FORKSERVER = multiprocessing.get_context("forkserver")
"""Its processes are forked from one that has imported what they need, and done nothing else."""

_IMPORTED = ("bench.load.memory", *accessors.BUILTIN.values())


class WorkError(BenchError):
    """What a process could not do, in one line: not every error can travel between processes."""


class GivenUpError(WorkError):
    """A process took too long, and was ended."""


class DiedError(WorkError):
    """A process ended before its work did: a crash, or somebody else's doing."""


class Crew:
    """The processes of a command, by name. On leaving, none is left behind, however busy.

    `guard`: in each of them session_guard watches every SQLAlchemy session and connection.
    """

    def __init__(self, guard: bool = False) -> None:
        self._enter = partial(_enter, guard)
        self._executors: dict[str, ProcessPoolExecutor] = {}
        self._pids: dict[str, Future[int]] = {}
        resource_tracker.ensure_running()  # it would lift `uninterrupted`, started within it
        _FORKSERVER.set_forkserver_preload(list(_IMPORTED))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for executor in self._executors.values():
            executor.shutdown(wait=False, cancel_futures=True)
        _kill(multiprocessing.active_children())

    def submit(
        self,
        name: str,
        work: Callable[Arguments, Result],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> "Future[Result]":
        """Have it done in the process of this name, which starts when it is first needed."""
        with uninterrupted():
            job = partial(work, *arguments, **named)
            try:
                return self._executor(name).submit(_attempt, job)
            except BrokenProcessPool:  # it died when it had nothing to do
                self.dismiss(name)
                return self._executor(name).submit(_attempt, job)

    def submit_alone(
        self,
        name: str,
        work: Callable[Arguments, Result],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> "Future[Result]":
        """Have it done in a process that does nothing before, and is to be dismissed after it."""
        with uninterrupted():
            executor = self._executor(name, _FORKSERVER)
            return executor.submit(_attempt, partial(work, *arguments, **named))

    def result(self, name: str, future: "Future[Result]", patience_s: float) -> Result:
        """What came of it. Raises `WorkError` for whatever went wrong.

        A process that died, or does not answer in time, is dismissed.
        """
        failure: WorkError
        try:
            return future.result(patience_s)
        except WorkError:
            raise
        except BrokenProcessPool:
            failure = DiedError("its process died")
        except TimeoutError:
            failure = GivenUpError(f"no end after {patience_s:g} s: its process was given up")
        except Exception as error:  # an answer that can't travel
            raise WorkError(_in_words(error)) from error
        self.dismiss(name)
        raise failure

    def dismiss(self, name: str) -> None:
        """End this process, whatever it does; a new one will start when it is needed."""
        if executor := self._executors.pop(name, None):
            executor.shutdown(wait=False, cancel_futures=True)
            pid = self._pids.pop(name)
            if pid.done() and not pid.exception():
                _kill([c for c in multiprocessing.active_children() if c.pid == pid.result()])

    def _executor(self, name: str, context: BaseContext = _SPAWN) -> ProcessPoolExecutor:
        executor = self._executors.get(name)
        if executor is None:
            executor = ProcessPoolExecutor(1, context, initializer=self._enter)
            self._executors[name] = executor
            self._pids[name] = executor.submit(os.getpid)
        return executor


def _kill(children: list[BaseProcess]) -> None:
    for child in children:
        child.kill()
    for child in children:
        child.join()


def _enter(guard: bool) -> None:
    """What every process does first: it never outlives its parent."""
    if guard:
        from session_guard.everywhere import guard_everything

        guard_everything()
    # What a library logs of its failures is in the samples; stderr is for the command's own lines.
    logging.lastResort = None
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _attempt(job: Callable[[], Result]) -> Result:
    try:
        return job()
    except BaseException as error:  # somebody's SystemExit would end the command itself
        raise WorkError(_in_words(error)) from None


def _in_words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C waits until this is over; threads and processes started within never hear it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
