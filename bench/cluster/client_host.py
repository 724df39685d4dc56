"""The part of gatherbench that runs on a worker of the cluster: it keeps worker processes there.

Dask carries jobs to it and answers back. The clients are not in Dask's process, which has an event
loop and threads of its own, but in the same worker processes as on one machine.
"""

import asyncio
import atexit
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

import accessors
from bench.cluster.machine import DATABASE, Facts, kernel, this_machine
from bench.measure.job import Job
from bench.measure.shared_barrier import read_clock
from bench.measure.shared_turn import PartOfRun
from bench.measure.worker_pool import WorkerPool
from bench.measure.worker_process import WorkError
from bench.model.errors import BenchError
from bench.results.entries import Run
from bench.results.packed_samples import PackedSamples
from bench.server.database import Database
from bench.server.resolution import resolve
from bench.server.url import build, parse

URL = "DATABASE_URL"
ADMIN_URL = "GATHERBENCH_ADMIN_URL"
"""The variables of the worker's environment that have the database. No URL travels with a job."""
_LONGEST_S = 7 * 86_400.0
"""The command gives up earlier, and then ends the process."""

Result = TypeVar("Result")
Answer = tuple[Any, str, str]
"""The answer, the class of its error (empty without one), and the error in words."""


class ClientHost:
    """The worker processes of one worker of the cluster. Dask makes it an actor there."""

    def __init__(self, guard: bool) -> None:
        # Dask's own processes are daemons, which multiprocessing does not let have children.
        multiprocessing.current_process().daemon = False
        self._pool = WorkerPool(guard)
        self._one_at_a_time = threading.Lock()
        self._found: Database | None = None
        atexit.register(self.close)

    def facts(self, packages: Iterable[str], place: str) -> Facts:
        """Return what this worker is, and which database its URL leads to.

        `place`: its address, for the name of the machine.
        """
        machine, database, problem = this_machine(place, packages), "", ""
        if os.environ.get(URL):
            try:
                with self._database().connect(application_name="gatherbench facts") as session:
                    row = session.execute(DATABASE).fetchone()
                    database = row[0] if row else ""
                    error_ns = read_clock(session).error_ns
                machine = replace(machine, clock_error_ns=error_ns)
            except BenchError as error:
                problem = str(error).partition("\n")[0]
        return Facts(machine, kernel(), database, problem)

    def has_file(self, path: str) -> bool:
        """Return whether this file is on the machine."""
        return os.path.isfile(path)  # noqa: PTH113 (a text of the command's machine)

    def start(self, names: Iterable[str]) -> None:
        """Start the processes of these names."""
        with self._one_at_a_time:
            self._pool.start(names)

    async def perform(self, name: str, work: Callable[[Job], Any], *arguments: Any) -> Answer:
        """Do a job in the process of this name, and return its answer."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Answer] = loop.create_future()

        def do() -> None:
            answer = self._attempt(name, work, arguments)
            loop.call_soon_threadsafe(done.set_result, answer)

        # A thread of an executor would keep the worker from ending while a job goes on.
        threading.Thread(target=do, daemon=True).start()
        return await done

    def _attempt(self, name: str, work: Callable[..., Any], arguments: tuple[Any, ...]) -> Answer:
        try:
            given = [self._filled(a) if isinstance(a, Job) else a for a in arguments]
            with self._one_at_a_time:
                pending = self._pool.submit(name, work, *given)
            return _portable(self._pool.result(pending, _LONGEST_S)), "", ""
        except WorkError as error:
            return None, type(error).__name__, self._safe(str(error))
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".partition("\n")[0]
            return None, WorkError.__name__, self._safe(reason)

    def dismiss(self, name: str) -> None:
        """End this process, whatever it does."""
        with self._one_at_a_time:
            self._pool.dismiss(name)

    def close(self) -> None:
        """End all processes."""
        atexit.unregister(self.close)
        self._pool.__exit__()

    def _database(self) -> Database:
        if self._found is None:
            self._found = resolve(os.environ.get(URL), admin_url=os.environ.get(ADMIN_URL) or None)
        return self._found

    def _filled(self, job: Job) -> Job:
        """Return the job with the URLs of this worker's environment."""
        # The job's own backend may import a workload file, which is for the worker process.
        described = accessors.load(job.case.backend, job.module)
        database = self._database()
        part = replace(job.part, url=database.own.url) if job.part else None
        if job.session_options is not None:
            database = Database(with_options(database.url, job.session_options))
        return replace(job, url=database.url_for(described.driver), part=part)

    def _safe(self, text: str) -> str:
        return self._found.safe(text) if self._found else text


def with_options(url: str, options: str) -> str:
    """Return the worker's URL with the settings of the command's sessions."""
    parameters = parse(url) | {"client_encoding": "UTF8", "options": options}
    return build({name: value for name, value in parameters.items() if value})


def without_secrets(argument: Any) -> Any:
    """Return a job without its URLs, and anything else as it is."""
    if not isinstance(argument, Job):
        return argument
    return replace(argument, url="", part=argument.part and replace(argument.part, url=""))


def _portable(answer: Any) -> Any:
    """Return the answer with its samples in itself, not in a file of this machine."""
    if isinstance(answer, Run):
        return replace(answer, samples=PackedSamples(answer.samples))
    if isinstance(answer, PartOfRun):
        return replace(answer, run=_portable(answer.run))
    return answer
