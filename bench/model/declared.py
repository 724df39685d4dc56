"""Workloads that a user declares, beside the built-in ones.

They are known to the process that declares them: a command, or one that reads a results file, whose
header holds the declaration.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from accessors.api import Accessor
from bench.model.errors import UsageError
from bench.model.workload import WORKLOADS, Workload

Changes = Literal["nothing", "restored", "renewed"]
"""The changes of a workload: nothing; rows that are restored after each turn; a database that is
made again from its template after each turn."""

MANY_ROWS = 1_000
"""From so many rows on, the way of fetching matters, and the memory is measured."""


@dataclass(frozen=True)
class DeclaredWorkload(Workload):
    """Reads and units of work of the user's own."""

    usual_rows: int = 0
    """The number of rows that the statement returned for the first arguments."""
    units: bool = False
    """Whether a unit of work is among the operations: it returns a value, and no rows."""
    changes: Changes = "nothing"

    @property
    def writes(self) -> bool:
        """Return whether the rows are brought back after each turn."""
        return self.changes != "nothing"

    @property
    def streams(self) -> bool:
        """Return whether all are reads: every read can be streamed."""
        return not self.units

    @property
    def many_rows(self) -> bool:
        """Return whether the statement returned at least `MANY_ROWS` rows."""
        return not self.units and self.usual_rows >= MANY_ROWS

    @property
    def renewed(self) -> bool:
        """Return whether the database is made again from its template after each turn."""
        return self.changes == "renewed"


def declare(
    name: str,
    weights: Mapping[str, int],
    description: str,
    usual_rows: int,
    *,
    units: bool = False,
    changes: Changes = "nothing",
) -> None:
    """Make operations known as a workload of this name, in place of others of the same name.

    `weights`: the name of a read or a unit -> its weight.
    """
    known = WORKLOADS.get(name)
    if known is None or isinstance(known, DeclaredWorkload):
        WORKLOADS[name] = DeclaredWorkload(name, weights, description, usual_rows, units, changes)


def check_name(name: str) -> None:
    """Raise `UsageError` if a built-in workload has this name, or if it is no name."""
    known = WORKLOADS.get(name)
    if known is not None and not isinstance(known, DeclaredWorkload):
        raise UsageError(f"a built-in workload is named {name!r}.\nChoose another --name.")
    reserved = name.startswith(("get_", "stream_", "_", ".", "-")) or hasattr(Accessor, name)
    if reserved:
        raise UsageError(f"{name!r} has a meaning of its own.\nChoose another name.")
    if not name or len(name) > 100 or not all(c.isalnum() or c in "-_." for c in name):
        raise UsageError(
            f"{name[:100]!r} is no name for a workload.\nUse letters, digits and -_. in --name."
        )
