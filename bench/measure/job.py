"""The job that a worker process is given: one case, and how long to measure it."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

import accessors
from accessors.api import AnyBackend, Target, Transactions
from bench.model.case import Case, Loop, SessionScope, Transport
from bench.model.connect import arguments
from bench.model.dataset import Dataset
from bench.model.link import Link
from bench.model.pool import Pool
from bench.model.profiles import HEARTBEAT_S
from bench.model.rate import grace_s, lead_in_s
from bench.model.timeout import TIMEOUT_S
from bench.model.workload import BUILT_IN, ClientSlot, Operation, operations

_LONG_AGO = datetime(1970, 1, 1)
_FEW = {"get_customers": (1,), "get_orders_between_dates": (_LONG_AGO, _LONG_AGO)}
"""Arguments that give hardly any rows, by the same code."""


class ClientsKey(NamedTuple):
    """The factors that clients are opened for. Cases that share them share clients."""

    backend: str
    concurrency: int
    session_scope: SessionScope
    transactions: Transactions
    loop: Loop
    link: Link
    connect: str
    transport: Transport
    pool: Pool
    open_loop: bool
    processes: int
    workload: str
    """Empty for all built-in workloads. A user's own has its own settings of the session."""


def clients_key(case: Case) -> ClientsKey:
    """Return the key of the clients that perform the case."""
    return ClientsKey(
        case.backend,
        case.concurrency,
        case.session_scope,
        case.transactions,
        case.loop,
        case.link,
        case.connect,
        case.transport,
        case.pool,
        case.rate is not None,
        case.processes,
        "" if case.workload in BUILT_IN else case.workload,
    )


@dataclass(frozen=True)
class Part:
    """The part of one process in a case that several processes perform together."""

    process: int
    """Number of the process, from 0."""
    barrier: int = 0
    """The advisory lock that all processes wait for before they start the clock."""
    gate: int = 0
    """The server process of the command's session, which releases the lock."""
    url: str = field(default="", repr=False)
    """The libpq URL of the server that has the lock."""
    timeout_s: float = TIMEOUT_S
    """The longest wait for the lock."""
    window_s: float | None = None
    """The length of the window, the same for all processes; None for that of the job."""


@dataclass(frozen=True)
class Job:
    """One turn of one case, for the worker process of its backend; small, and picklable."""

    case: Case
    module: str
    """The module that holds the backend."""
    url: str = field(repr=False)
    """The URL for the driver of the backend (bench/server/drivers.py)."""
    dataset: Dataset
    round: int = 0
    seconds: float = 1.0
    """Length of the window, from the start barrier to the deadline."""
    warm_up_s: float = 0.1
    """Length of the warm-up of a case that the clients perform for the first time."""
    postmaster_pid: int | None = None
    """Process id of a local server, whose CPU time is read."""
    arguments: tuple[Any, ...] | None = None
    """Arguments of every operation, in place of the workload's own."""
    warm_up_arguments: tuple[Any, ...] | None = None
    """The same for the warm-up, where the case's own would take long."""
    heartbeat_s: float = HEARTBEAT_S
    """Seconds between two heartbeats of the event loop."""
    lengthen: bool = False
    """Whether the window is lengthened for long operations (`bench.model.window`)."""
    latency_s: float | None = None
    """Mean time of an operation in the case's turn before; None if there was none."""
    samples_folder: str | None = None
    """The folder of the file to which clients hand many samples over; None for that of temporary
    files, which may be small."""
    generation: int | None = None
    """Number of the set of worker processes, from 0; None outside of a run."""
    session_options: str | None = None
    """The `options` of the sessions on a cluster's worker, which has the rest of the URL; None for
    those of the worker's own URL."""
    behind_pooler: bool = False
    """Whether a pooler such as PgBouncer is between: its console may tell more."""
    part: Part | None = None
    """None: one process performs the case."""

    @property
    def clients(self) -> range:
        """The numbers of the case's clients that this process has."""
        return self.case.clients_of(self.part.process) if self.part else self.case.clients_of(0)

    @property
    def lasts_s(self) -> float:
        """The longest time from the start of the warm-up to the last start of an operation, in a
        window that is not lengthened."""
        seconds = self.warm_up_s + self.seconds
        if self.case.rate is not None:
            seconds += lead_in_s(self.seconds) + grace_s(self.seconds)
        return seconds

    @property
    def keeps_sessions(self) -> bool:
        """Whether sessions stay open between two turns. In a transaction one would hold locks."""
        return self.case.transactions == "autocommit"

    @property
    def think_s(self) -> float:
        """Seconds that a client waits after each operation, off the clock."""
        return 0.0

    @property
    def target(self) -> Target:
        """The target that the backend's pool is opened on."""
        case = self.case
        connect, engine = arguments(case.connect)
        return Target(
            self.url,
            case.pool.size or len(self.clients),
            case.transactions,
            connect,
            engine,
            case.pool.timeout_s,
        )

    def backend(self) -> AnyBackend:
        """Return the case's backend, not yet open."""
        return accessors.load(self.case.backend, self.module)

    def of_few_rows(self, operation: Operation) -> Operation:
        """Return an operation that runs the same code for hardly any rows, if there is one."""
        return replace(operation, arguments=_FEW.get(operation.function, operation.arguments))

    def warm_up(self) -> tuple[Operation, ...]:
        """Return every client's operations in the warm-up; none if they are those of the window."""
        if self.warm_up_arguments is None:
            return ()
        return (Operation(self.case.workload, self.warm_up_arguments),)

    def plans(self) -> list[tuple[Operation, ...]]:
        """Return the operations of each client of this process, in order."""
        if self.arguments is not None:
            return [(Operation(self.case.workload, self.arguments),)] * len(self.clients)
        seconds = self.lasts_s
        slots = (ClientSlot(number, self.case.concurrency) for number in self.clients)
        return [operations(self.case.workload, self.dataset, slot, seconds) for slot in slots]
