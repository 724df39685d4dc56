"""One measured operation after another: the columns of a run, and how they are packed."""

import base64
import sys
import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, chain
from operator import sub
from typing import Any, Self

_COLUMNS = ("start_ns", "duration_ns", "first_row_ns", "rows", "worker")


@dataclass
class Tally:
    """What one worker notes while it measures. Lists: their `append` is the cheapest there is."""

    starts: list[int] = field(default_factory=list)
    """Clock readings, ns."""
    ends: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    """Empty where no operation gives rows: each that did not fail then counts as one."""
    first_rows_ns: list[int] = field(default_factory=list)
    """Of streams, from the operation's start; 0 where no row came."""
    errors: dict[int, str] = field(default_factory=dict)
    """Position of a failed operation -> its error."""

    def __len__(self) -> int:
        return len(self.starts)

    def fail(
        self, start: int, end: int, error: Exception, *, counted: bool, streamed: bool
    ) -> None:
        """Note an operation that failed: counted and classified, never dropped."""
        self.errors[len(self)] = f"{type(error).__name__}: {error}".partition("\n")[0]
        self.starts.append(start)
        self.ends.append(end)
        if counted:
            self.rows.append(0)
        if streamed:
            self.first_rows_ns.append(0)

    def clear(self) -> None:
        """Forget the warm-up."""
        for column in (self.starts, self.ends, self.rows, self.first_rows_ns, self.errors):
            column.clear()


@dataclass
class Samples:
    """The measured operations of one run, a column each, in the order in which each worker ended.

    All times are whole nanoseconds; `start_ns` counts from the start line.
    """

    start_ns: "array[int]" = field(default_factory=lambda: array("q"))
    duration_ns: "array[int]" = field(default_factory=lambda: array("q"))
    first_row_ns: "array[int]" = field(default_factory=lambda: array("q"))
    """From the operation's start to its first row; empty unless streamed; 0 where no row came."""
    rows: "array[int]" = field(default_factory=lambda: array("q"))
    """Rows of the joined result; 1 for a value or a write."""
    worker: "array[int]" = field(default_factory=lambda: array("q"))
    errors: dict[int, str] = field(default_factory=dict)
    """Position of a failed sample -> the error's class and message."""

    def __len__(self) -> int:
        return len(self.start_ns)

    @property
    def error_classes(self) -> Counter[str]:
        """How many samples failed, by the class of their error."""
        return Counter(error.partition(":")[0] for error in self.errors.values())

    @classmethod
    def gather(cls, crowd: Iterable["Tally"], start_line_ns: int) -> Self:
        """What all workers noted, as the samples of one run, counted from the start line."""
        whole = cls()
        for number, tally in enumerate(crowd):
            offset = len(whole)
            whole.start_ns.extend(start - start_line_ns for start in tally.starts)
            whole.duration_ns.extend(map(sub, tally.ends, tally.starts))
            whole.first_row_ns.extend(tally.first_rows_ns)
            ones = (int(at not in tally.errors) for at in range(len(tally)))
            whole.rows.extend(tally.rows or ones)
            whole.worker.extend([number] * len(tally))
            whole.errors.update({offset + at: error for at, error in tally.errors.items()})
        return whole

    def as_dict(self) -> dict[str, Any]:
        columns = {name: _pack(getattr(self, name)) for name in _COLUMNS}
        return {"count": len(self), **columns, "errors": self.errors}

    @classmethod
    def from_dict(cls, samples: Mapping[str, Any]) -> Self:
        columns = {name: _unpack(samples[name]) for name in _COLUMNS}
        errors = {int(position): error for position, error in samples["errors"].items()}
        return cls(**columns, errors=errors)


def _pack(column: "array[int]") -> str:
    """Differences of neighbours, as little-endian 64-bit integers, deflated, in base 64."""
    differences = array("q", map(sub, column, chain((0,), column)))
    return base64.b64encode(zlib.compress(_little_endian(differences).tobytes())).decode()


def _unpack(packed: str) -> "array[int]":
    differences = array("q", zlib.decompress(base64.b64decode(packed)))
    return array("q", accumulate(_little_endian(differences)))


def _little_endian(column: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        column.byteswap()
    return column
