"""The entry that the network study adds to a results file, and the line that reads it."""

from dataclasses import dataclass
from typing import ClassVar

from bench.results.entries import ProbeResult
from bench.results.header import Count
from bench.results.schema import EntryLine, Place


@dataclass(frozen=True)
class RoundTrips(ProbeResult):
    """Round trips of a lone client, counted by a proxy between it and the server."""

    kind: ClassVar[str] = "round_trips"
    operations: int
    """Operations that were counted, after a warm-up that is not."""
    round_trips: int
    """Answers of the server that the client waited for in these operations."""
    connections: int
    """Connections that were opened in these operations."""
    remembered: bool = False
    """Whether an earlier run counted them, with equal code, rows and server."""

    @property
    def per_operation(self) -> float:
        """Round trips of one operation."""
        return self.round_trips / self.operations


class RoundTripsLine(EntryLine, tag=RoundTrips.kind):
    """A line of kind `round_trips`."""

    operations: Place
    round_trips: Count
    connections: Count
    remembered: bool = False

    def entry(self) -> RoundTrips:
        return RoundTrips(**self.fields())
