"""The connection pool of a case: its size, and how long a client waits for a free connection."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Pool:
    """The pool that the clients of a case share; by default each client has a connection."""

    size: int | None = None
    """Connections that the pool keeps open; None: as many as clients."""
    timeout_s: float | None = None
    """Seconds that a client waits for a free connection; None: the library's default."""
    pooler_size: int | None = None
    """Server connections of a PgBouncer that the run puts in front of the server, which all clients
    share; None: there is none. Each client then has a connection to PgBouncer."""

    @property
    def behind_pgbouncer(self) -> bool:
        """Whether a PgBouncer of the run's own is in front of the server."""
        return self.pooler_size is not None

    def __str__(self) -> str:
        words = [] if self.size is None else [f"pool of {self.size}"]
        words += [] if self.timeout_s is None else [f"pool timeout {self.timeout_s:g} s"]
        words += [] if self.pooler_size is None else [f"PgBouncer of {self.pooler_size}"]
        return ", ".join(words)

    def as_dict(self) -> dict[str, Any] | None:
        """Return the fields that are set; None for the default."""
        return {name: value for name, value in asdict(self).items() if value is not None} or None
