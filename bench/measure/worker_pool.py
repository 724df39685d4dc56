"""A process per backend: one library, one heap, one interpreter lock each.

A process is given small picklable jobs, so that another engine could do them.
"""

import multiprocessing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Any, Generic, ParamSpec, Self, TypeVar, cast

import accessors
from bench.measure.worker_process import DiedError, GivenUpError, WorkerProcess
from bench.system.current_folder import kept_from_processes
from bench.system.interrupts import held_back
from bench.system.limits import check_open_files

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Answer = TypeVar("Answer", covariant=True)

_SPAWN = multiprocessing.get_context("spawn")

_FORKSERVER = multiprocessing.get_context("forkserver")
"""Its processes are forked from one that has imported their modules, and done nothing else."""

_IMPORTED = ("bench.measure.memory", *accessors.BUILTIN.values())


@dataclass(frozen=True)
class Pending(Generic[Answer]):
    """A job that was submitted. `WorkerPool.result` gives its answer."""

    process: str
    """The name of the process that does the job."""


class WorkerPool:
    """The worker processes of a command, by name. Leaving the block ends all, however busy.

    `guard`: session_guard watches every SQLAlchemy session and connection in each of them.
    """

    def __init__(self, guard: bool = False) -> None:
        self._guard = guard
        self._processors: tuple[int, ...] | None = None
        self._processes: dict[str, WorkerProcess] = {}
        check_open_files(connections=1)
        with held_back(), kept_from_processes():  # what starts the tracker lifts the mask
            resource_tracker.ensure_running()
        _FORKSERVER.set_forkserver_preload(list(_IMPORTED))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with held_back():
            for name in list(self._processes):
                self.dismiss(name)

    def pin(self, processors: tuple[int, ...] | None) -> None:
        """Let processes that start from now on use these processors alone; all if None."""
        self._processors = processors

    def start(self, names: Iterable[str], *, alike: bool = False) -> None:
        """Start the processes of these names, all at the same time.

        `alike`: fork them from one process, which is faster. They then share the luck of its hash
        seed and memory layout, so this is for work that is not timed.
        """
        for name in names:
            self._process(name, _FORKSERVER if alike else _SPAWN)

    def submit(
        self,
        name: str,
        work: Callable[Arguments, Result],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Pending[Result]:
        """Give the job to the process of this name, which starts when it is first needed.

        Ask for its result before the process is given another job.
        """
        self._process(name, _SPAWN).send(partial(work, *arguments, **named))
        return Pending(name)

    def submit_alone(
        self,
        name: str,
        work: Callable[Arguments, Result],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Pending[Result]:
        """Give the job to a process that has done nothing before. Dismiss the process after it."""
        self._process(name, _FORKSERVER).send(partial(work, *arguments, **named))
        return Pending(name)

    def result(self, pending: Pending[Result], timeout_s: float) -> Result:
        """Return the answer of the job. Raises `WorkError` for anything that goes wrong.

        A process that died, or does not answer in time, is dismissed.
        """
        try:
            return cast(Result, self._processes[pending.process].answer(timeout_s))
        except (DiedError, GivenUpError):
            self.dismiss(pending.process)
            raise

    def answered(self, pending: Pending[Result]) -> bool:
        """Return whether `result` returns at once, with an answer or an error."""
        return self._processes[pending.process].answered

    def wait_for_one(self, pending: Iterable[Pending[Any]], timeout_s: float) -> None:
        """Wait until one of the jobs is `answered`, at most so long."""
        wait([self._processes[each.process].pipe for each in pending], timeout_s)

    def running(self, name: str) -> bool:
        """Return whether there is a live process of this name."""
        return name in self._processes and self._processes[name].alive

    def dismiss(self, name: str) -> None:
        """End this process, whatever it does. A new one starts when it is needed."""
        if process := self._processes.pop(name, None):
            process.kill()

    def _process(self, name: str, context: SpawnContext | ForkServerContext) -> WorkerProcess:
        with held_back():
            if name in self._processes and not self._processes[name].alive:
                self.dismiss(name)  # it died when it had nothing to do
            if name not in self._processes:
                self._processes[name] = WorkerProcess(context, self._guard, self._processors)
        return self._processes[name]
