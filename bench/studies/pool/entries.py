"""The entries that the pool study adds to a results file, and the lines that read them."""

from dataclasses import dataclass
from typing import ClassVar

from bench.results.entries import ProbeResult
from bench.results.header import Count
from bench.results.schema import EntryLine, Place, Span

UNEVEN = 0.1
ENOUGH_TO_BE_UNEVEN = 30
"""Operations of one client. If chance shared out as many, in the mean, none would get a tenth."""


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
    waited_ns: int | None = None
    """Time of the window that clients waited for a connection, added up over all clients. It has
    the window's part of waits that began before it, were not over at its end, or got none. None in
    files of earlier versions, as the two below."""
    fewest_operations: int | None = None
    """The fewest operations that a client finished in the window."""
    most_operations: int | None = None
    """The most operations that a client finished in the window."""

    @property
    def wait_mean_ns(self) -> float | None:
        """The mean wait of a request, in ns; None if there was none, or if it is not known.

        By Little's law it is the mean number of waiting clients over the rate of requests. So it
        has the clients that wait for the whole window, which no quantile of finished waits has.
        J. D. C. Little, A Proof for the Queuing Formula L = λW (1961).
        """
        requests = self.checkouts + self.timeouts
        return None if self.waited_ns is None or not requests else self.waited_ns / requests

    @property
    def waiting_share(self) -> float | None:
        """The part of the clients' time that they waited for a connection; None if not known."""
        if self.waited_ns is None:
            return None
        return self.waited_ns / (self.window_ns * self.case.concurrency)

    @property
    def evenness(self) -> float | None:
        """The fewest operations of a client over the most; None without operations."""
        if self.fewest_operations is None or not self.most_operations:
            return None
        return self.fewest_operations / self.most_operations

    @property
    def is_uneven(self) -> bool:
        """Whether a client did less than a tenth of the operations of another one.

        False where chance may do that, with few operations, and where clients pause because they
        got no connection.
        """
        if self.evenness is None or self.timeouts or self.most_operations is None:
            return False
        return self.most_operations >= ENOUGH_TO_BE_UNEVEN and self.evenness < UNEVEN


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
    waited_ns: Count | None = None
    fewest_operations: Count | None = None
    most_operations: Count | None = None

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
