"""Workloads that a user declares, beside the built-in ones.

They are known to the process that declares them: a command, or one that reads a results file, whose
header holds the declaration.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from accessors.api import Accessor
from bench.model.errors import UsageError
from bench.model.workload import WORKLOADS, Workload

MANY_ROWS = 1_000
"""From so many rows on, the way of fetching matters, and the memory is measured."""


@dataclass(frozen=True)
class DeclaredWorkload(Workload):
    """A read of the user's own."""

    usual_rows: int = 0
    """The number of rows that the statement returned for the first arguments."""

    @property
    def writes(self) -> bool:
        """Return False: a declared read restores nothing."""
        return False

    @property
    def streams(self) -> bool:
        """Return True: every read can be streamed."""
        return True

    @property
    def many_rows(self) -> bool:
        """Return whether the statement returned at least `MANY_ROWS` rows."""
        return self.usual_rows >= MANY_ROWS


def declare(name: str, weights: Mapping[str, int], description: str, usual_rows: int) -> None:
    """Make reads known as a workload of this name, in place of other reads of the same name.

    `weights`: the name of a read -> its weight.
    """
    known = WORKLOADS.get(name)
    if known is None or isinstance(known, DeclaredWorkload):
        WORKLOADS[name] = DeclaredWorkload(name, weights, description, usual_rows)


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
