"""The entry that the study of a statement adds to a results file, and the line that reads it."""

from dataclasses import dataclass
from typing import ClassVar

from bench.results.entries import ProbeResult
from bench.results.header import Count
from bench.results.schema import EntryLine, Place


@dataclass(frozen=True)
class ServerStatistics(ProbeResult):
    """The server's own account of a statement in all windows of one case: pg_stat_statements."""

    kind: ClassVar[str] = "server_statistics"
    calls: int
    """Executions, with those of the warm-ups."""
    execution_ns: int
    """The time of all executions together, with the sending of the rows to the socket."""
    planning_ns: int
    """The time of planning; 0 unless the server has pg_stat_statements.track_planning."""

    @property
    def mean_ns(self) -> float:
        """The time of one execution, with its planning."""
        return (self.execution_ns + self.planning_ns) / self.calls


class ServerStatisticsLine(EntryLine, tag=ServerStatistics.kind):
    """A line of kind `server_statistics`."""

    calls: Place
    execution_ns: Count
    planning_ns: Count

    def entry(self) -> ServerStatistics:
        return ServerStatistics(**self.fields())
