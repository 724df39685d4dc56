"""The turns of a worker process: it keeps pools, sessions and statements warm between them."""

import copy
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import Any, Protocol

from accessors.api import AnyBackend, Backend
from bench.measure.allocator import bring_into
from bench.measure.job import ClientsKey, Job, clients_key
from bench.measure.meter import Meter, accepted, server_processes
from bench.measure.turn import ATTEMPTS, LONGER, Outcome, nothing_began, warm_up_s
from bench.measure.warm_tasks import WarmTasks, loop_factory
from bench.measure.warm_threads import WarmThreads
from bench.model.case import Case
from bench.results.entries import Run
from bench.results.recording import gather, hand_over_in
from bench.server.proxy.address import find_at_proxy
from bench.server.url import redact

__all__ = [
    "ClientsKey",
    "Job",
    "close",
    "close_all",
    "load",
    "loop_factory",
    "run",
    "take_turn",
]


class _Warm(Protocol):
    """An open backend with its clients: `WarmThreads` or `WarmTasks`."""

    def clients(self, job: Job) -> Any: ...

    def turn(self, job: Job, clients: Any, meter: Meter, warm_up_s: float) -> Outcome: ...

    def close(self) -> None: ...


class WarmClients:
    """The clients of one key, open: cases take turns with them.

    Raises what loading and opening the backend raises.
    """

    def __init__(self, job: Job) -> None:
        # A copy: a backend holds one pool, and this process may have several of different sizes.
        backend = copy.copy(job.backend())
        if not job.case.link.is_direct:
            find_at_proxy(job.url, backend.driver)
        served_before = server_processes(job.postmaster_pid)
        self._warm = _open(backend, job, keep_sessions=job.keeps_sessions)
        self.opened = accepted(job.postmaster_pid, served_before)
        """Connections that the server accepted when the clients were opened."""
        self._connections = self.opened
        self._performed: dict[_Performed, Any] = {}
        self._longest_ns: dict[Case, int] = {}

    def turn(self, job: Job) -> Run:
        """Measure the job's case for one window. Raises what opening a session raises.

        If the machine stalls for a whole window, no operation begins in it. That says nothing about
        the backend, so a longer window follows. Raises `RuntimeError` if it happens `ATTEMPTS`
        times in a row, with the error of the warm-up if that is why.
        """
        asked_s = job.seconds
        for _ in range(ATTEMPTS):
            outcome, meter = self.window(job)
            if any(outcome.recorders):
                return self.entry(job, outcome, meter)
            if job.case.rate is None:
                job = replace(job, seconds=LONGER * job.seconds)
        for recorder in outcome.recorders:
            if recorder.warm_up_error:
                reason = redact(recorder.warm_up_error, url=job.url)
                raise RuntimeError(f"the warm-up failed: {reason}")
        raise RuntimeError(nothing_began(asked_s))

    def window(self, job: Job) -> tuple[Outcome, Meter]:
        """Measure the job's case once, whatever the machine does meanwhile."""
        hand_over_in(job.samples_folder)
        performed = _Performed.of(job)
        if performed not in self._performed:
            self._performed[performed] = self._warm.clients(job)
        with Meter(job.postmaster_pid) as meter:
            seconds = warm_up_s(job, self._longest_ns.get(job.case))
            outcome = self._warm.turn(job, self._performed[performed], meter, seconds)
        if meter.connections is not None:
            self._connections = (self._connections or 0) + meter.connections
        return outcome, meter

    def entry(self, job: Job, outcome: Outcome, meter: Meter) -> Run:
        """Return the run of a window."""
        run = _entry(job, outcome, meter, self._connections)
        self._longest_ns[job.case] = max(
            max(piece.duration_ns, default=0) for piece in run.samples.pieces()
        )
        return run

    def close(self) -> None:
        """Close sessions and pool."""
        self._warm.close()


@dataclass(frozen=True)
class _Performed:
    """A case and its arguments: the clients of a job are made once, and used again."""

    case: Case
    seconds: float
    arguments: tuple[Any, ...] | None
    warm_up_arguments: tuple[Any, ...] | None = field(compare=False, default=None)

    @classmethod
    def of(cls, job: Job) -> "_Performed":
        return cls(job.case, job.seconds, job.arguments, job.warm_up_arguments)


def _open(backend: AnyBackend, job: Job, *, keep_sessions: bool) -> _Warm:
    clients = len(job.clients)
    if isinstance(backend, Backend):
        return WarmThreads(backend, job.target, clients, keep_sessions=keep_sessions)
    made = loop_factory(job.case.loop, exact=job.case.rate is not None)
    return WarmTasks(backend, job.target, clients, made, keep_sessions=keep_sessions)


_OPEN: dict[ClientsKey, WarmClients] = {}
"""The clients that this process keeps."""


def load(module: str) -> None:
    """Import a module of backends, before a turn needs it. Raises what the import raises."""
    import_module(module)


def run(job: Job) -> Run:
    """Open clients, measure one case for one window, and close them. Raises as `WarmClients`."""
    bring_into(job.case.allocator)
    clients = WarmClients(job)
    try:
        return clients.turn(job)
    finally:
        clients.close()


def take_turn(job: Job) -> Run:
    """Measure one case for one window, with clients that stay open for its next turn.

    Raises as `WarmClients`. After an error, the clients are closed, and the next turn opens others.
    """
    clients = opened(job)
    try:
        return clients.turn(job)
    except BaseException:
        close(clients_key(job.case))
        raise


def opened(job: Job) -> WarmClients:
    """Return the clients of the job, which are opened if they are not. Raises as `WarmClients`."""
    key = clients_key(job.case)
    if key not in _OPEN:
        bring_into(job.case.allocator)
        _OPEN[key] = WarmClients(job)
    return _OPEN[key]


def close(key: ClientsKey) -> None:
    """Close the clients of this key, if they are open."""
    if clients := _OPEN.pop(key, None):
        clients.close()


def close_all() -> None:
    """Close all clients of this process."""
    for key in list(_OPEN):
        close(key)


def _entry(job: Job, outcome: Outcome, meter: Meter, connections: int | None) -> Run:
    operations_of = [len(recorder) for recorder in outcome.recorders]
    samples = gather(outcome.recorders, outcome.start_ns, partial(redact, url=job.url))
    stalls = sorted(outcome.stalls_ns or [0])
    is_async = outcome.stalls_ns is not None
    return Run(
        case=job.case,
        round=job.round,
        generation=job.generation,
        started_at=meter.started_at.isoformat(timespec="milliseconds"),
        window_ns=outcome.window_ns,
        samples=samples,
        client_cpu_ns=meter.client_cpu_ns,
        server_cpu_ns=meter.server_cpu_ns,
        elapsed_ns=meter.elapsed_ns,
        loop_stall_max_ns=stalls[-1] if is_async else None,
        loop_stall_p99_ns=stalls[int(0.99 * len(stalls))] if is_async else None,
        fewest_operations=min(operations_of),
        most_operations=max(operations_of),
        connections=connections,
        other_cpu_ns=meter.other_cpu_ns,
        machine_cpu_ns=meter.machine_cpu_ns,
        gc_ns=meter.gc_ns,
        arrived=outcome.arrived,
        think_ns=round(job.think_s * 1e9) or None,
    )
