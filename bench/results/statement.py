"""The facts about a statement of the user's own, in the header of a results file."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from msgspec import Meta

from bench.model.declared import Changes
from bench.results.samples import LARGEST

_Count = Annotated[int, Meta(ge=0, le=LARGEST)]


@dataclass(frozen=True, kw_only=True)
class ColumnFacts:
    """A column of the result: its name, and the server's name of its type."""

    name: str
    type: str


@dataclass(frozen=True, kw_only=True)
class ServerTimes:
    """The server's own times of the statement, from EXPLAIN ANALYZE: medians of `executions`."""

    executions: _Count
    planning_ns: _Count
    execution_ns: _Count
    """From PostgreSQL 17 on with the time to turn the rows into the protocol's bytes."""
    serialization_ns: _Count | None = None
    """The time for the bytes alone, in one execution; None before PostgreSQL 17."""
    shared_hit_blocks: _Count = 0
    shared_read_blocks: _Count = 0


@dataclass(frozen=True, kw_only=True)
class StatementFacts:
    """A measured statement. Its arguments are not here unless the user asked to keep them."""

    sql: str
    reads: dict[str, int] = field(default_factory=dict)
    """Read -> its weight, for a workload of a workload file; `sql` has all their statements."""
    parameters: list[str] = field(default_factory=list)
    """The server's names of the parameters' types."""
    columns: list[ColumnFacts] = field(default_factory=list)
    rows: _Count = 0
    """The number of rows for the first arguments."""
    arguments: str = "none"
    """The kind of the source of the arguments."""
    kept_arguments: list[list[str | None]] | None = None
    """The arguments that were drawn, as text, if the user asked to keep them."""
    read_only: bool = True
    """Whether the sessions were read-only."""
    compared: str = "values"
    """The scope of the verification: `values`, `sets` of rows, `counts`, or `columns` only."""
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    """Backend -> column -> type, where the library gives text that others parse."""
    server: ServerTimes | None = None
    units: list[str] = field(default_factory=list)
    """The operations of `reads` that are units of work: functions, which return values."""
    changes: Changes = "nothing"
    """The changes of the workload: `nothing`; rows that are `restored` after each turn; a database
    that is `renewed` after each turn, from its template."""
    think_s: Annotated[float, Meta(ge=0)] = 0.0
    """Seconds that a client waited after each operation, not counted as latency."""
    files: list[str] = field(default_factory=list)
    """The workload file as it was named, or several scripts; empty for `bench query`."""
    plan: dict[str, Any] | None = None
    """The plan of EXPLAIN (FORMAT JSON), with `?` for constants if there are parameters."""

    @property
    def description(self) -> str:
        """The statement in one line of at most 100 characters, or the operations by weight."""
        if self.units or len(self.reads) > 1:
            weights = [f"{name} {weight}" for name, weight in self.reads.items()]
            kind = "by weight: " + ", ".join(weights) if weights[1:] else "a unit of work"
            return kind if len(kind) <= 100 else f"{len(weights)} operations by weight"
        line = " ".join(self.sql.split())
        return line if len(line) <= 100 else f"{line[:97]}..."
