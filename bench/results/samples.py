"""One measured operation after another: the columns of a run, and how they are packed."""

import base64
import sys
import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from operator import sub
from typing import Any, Self

COLUMNS = ("start_ns", "duration_ns", "first_row_ns", "rows", "worker")
"""The columns of a run, in the order of `Samples`."""

LARGEST = 2**53
"""The largest number that a results file may hold, about 104 days in nanoseconds: up to here each
program that reads JSON has whole numbers exact (https://www.rfc-editor.org/rfc/rfc8259#section-6).
"""

MOST_SAMPLES = 100_000_000
"""The most samples of one run that are read. A worker notes each as two Python integers in two
lists, 80 bytes, so that a run of more would have taken more than 8 GB while it measured."""


@dataclass
class SampleRecorder:
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
    def gather(cls, crowd: Iterable["SampleRecorder"], start_line_ns: int) -> Self:
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
        columns = {name: _pack(getattr(self, name)) for name in COLUMNS}
        return {"count": len(self), **columns, "errors": self.errors}

    @classmethod
    def unpack(cls, count: int, columns: Mapping[str, bytes], errors: Mapping[int, str]) -> Self:
        """Return the samples whose columns were packed, once they are out of base 64.

        Raises `ValueError` for columns of another length than `count`, for numbers below 0 or
        above `LARGEST`, and for an error at a position that there is not.
        """
        if count > MOST_SAMPLES:
            raise ValueError(f"{count:,} samples are more than a run can have")
        unpacked = {name: _unpack(name, columns[name], count) for name in COLUMNS}
        if misplaced := [position for position in errors if not 0 <= position < count]:
            raise ValueError(f"samples.errors: there is no sample {misplaced[0]}")
        return cls(**unpacked, errors=dict(errors))


def _pack(column: "array[int]") -> str:
    """Differences of neighbours, as little-endian 64-bit integers, deflated, in base 64."""
    differences = array("q", map(sub, column, chain((0,), column)))
    return base64.b64encode(zlib.compress(_little_endian(differences).tobytes())).decode()


def _unpack(name: str, packed: bytes, count: int) -> "array[int]":
    # numpy takes a tenth of the time of a loop; what measures does not import it.
    import numpy as np

    # No more is inflated than is asked for: a few bytes may stand for gigabytes.
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(packed, 8 * count + 1)
    except zlib.error as error:
        raise ValueError(f"samples.{name} is not deflated: {error}") from error
    # Format 1 has no first row for some operations that failed.
    shorter = name == "first_row_ns" and len(data) < 8 * count
    if not inflater.eof or len(data) % 8 or not (len(data) == 8 * count or shorter):
        raise ValueError(f"samples.{name} does not hold {count:,} samples")
    differences = np.frombuffer(data, "<i8")
    values = differences.cumsum()
    # Differences within the limit, and values within it after each step: no sum has overflowed.
    for numbers, least in ((differences, -LARGEST), (values, 0)):
        if len(numbers) and (numbers.min() < least or numbers.max() > LARGEST):
            raise ValueError(f"samples.{name} holds a number below 0 or above {LARGEST:,}")
    column = array("q")
    column.frombytes(values.astype("=i8", copy=False).tobytes())
    return column


def _little_endian(column: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        column.byteswap()
    return column
