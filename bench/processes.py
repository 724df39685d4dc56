"""A process per backend: one library, one heap, one interpreter lock each.

Each sits behind an executor of the standard library and is given small picklable jobs, so that
another engine's executor could take its place.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import ParamSpec, Self, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_SPAWN = multiprocessing.get_context("spawn")


class Crew:
    """The processes of a command. On leaving, none is left behind, however busy."""

    def __init__(self) -> None:
        self._executors: dict[str, ProcessPoolExecutor] = {}
        self._pids: dict[str, Future[int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for executor in self._executors.values():
            executor.shutdown(wait=False, cancel_futures=True)
        _kill(multiprocessing.active_children())

    def submit(
        self,
        backend: str,
        work: Callable[Arguments, Result],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> "Future[Result]":
        """Have it done in this backend's process, which starts when it is first needed."""
        with _no_interrupts():
            executor = self._executors.get(backend)
            if executor is None:
                executor = self._executors[backend] = _executor(workers=1)
                self._pids[backend] = executor.submit(os.getpid)
            return executor.submit(work, *arguments, **named)

    def replace(self, backend: str) -> None:
        """Give up this backend's process, which died or does not answer; a new one will start."""
        if executor := self._executors.pop(backend, None):
            executor.shutdown(wait=False, cancel_futures=True)
            pid = self._pids.pop(backend)
            if pid.done() and not pid.exception():
                _kill([c for c in multiprocessing.active_children() if c.pid == pid.result()])

    def fresh(self, workers: int) -> ProcessPoolExecutor:
        """An executor with a process of its own for every job; `submit` to it directly."""
        executor = self._executors["fresh"] = _executor(workers, max_tasks_per_child=1)
        return executor


def _kill(children: list[BaseProcess]) -> None:
    for child in children:
        child.kill()
    for child in children:
        child.join()


def _executor(workers: int, max_tasks_per_child: int | None = None) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        workers, _SPAWN, initializer=_enter, max_tasks_per_child=max_tasks_per_child
    )


def _enter() -> None:
    """What every process does first: Ctrl-C is its parent's, and it never outlives its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """A process started within is born deaf to Ctrl-C, before it can run `_enter`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
