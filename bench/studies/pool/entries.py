"""The entries that the pool study adds to a results file, and the lines that read them."""

from dataclasses import dataclass
from typing import ClassVar

from bench.results.entries import ProbeResult
from bench.results.header import Count
from bench.results.schema import EntryLine, Place, Span


@dataclass(frozen=True)
class PoolWaits(ProbeResult):
    """The time that clients waited for a connection of their pool, in one window."""

    kind: ClassVar[str] = "pool_waits"
    window_ns: int
    checkouts: int
    """Connections that clients got from the pool in the window."""
    wait_p50_ns: int | None
    """Median of the waits of these; None without a checkout."""
    wait_p99_ns: int | None
    """99th percentile; None with fewer than 100 checkouts."""
    timeouts: int
    """Times that a client got none: its wait was over, or the pool does not let it wait."""
    timeout_error: str
    """The library's own text for it; empty without one."""
    opened: int | None
    """Connections that were opened in the window; None if they are not seen."""
    pooler_wait_ns: int | None = None
    """Mean wait of a transaction for a server connection of the PgBouncer between, while clients
    worked; None without one, or without its admin console."""
    pooler_connections: int | None = None
    """Server connections of that PgBouncer at the end."""


class PoolWaitsLine(EntryLine, tag=PoolWaits.kind):
    """A line of kind `pool_waits`."""

    window_ns: Span
    checkouts: Count
    wait_p50_ns: Count | None
    wait_p99_ns: Count | None
    timeouts: Count
    timeout_error: str
    opened: Count | None
    pooler_wait_ns: Count | None = None
    pooler_connections: Count | None = None

    def entry(self) -> PoolWaits:
        return PoolWaits(**self.fields())


@dataclass(frozen=True)
class Deadlock(ProbeResult):
    """The outcome for clients that each need a second connection while they hold one."""

    kind: ClassVar[str] = "pool_deadlock"
    clients: int
    finished: int
    """Clients that got both connections."""
    timeout_error: str
    """The library's own text for a client that did not; empty if all did."""

    @property
    def deadlocked(self) -> bool:
        """Whether clients waited for each other until the pool's timeout."""
        return self.finished < self.clients


class DeadlockLine(EntryLine, tag=Deadlock.kind):
    """A line of kind `pool_deadlock`."""

    clients: Place
    finished: Count
    timeout_error: str

    def entry(self) -> Deadlock:
        return Deadlock(**self.fields())
