"""The measured operations of a run as columns, and the packing of a column."""

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
"""The largest number in a results file, about 104 days in nanoseconds. Up to this number every
program that reads JSON has exact integers (https://www.rfc-editor.org/rfc/rfc8259#section-6).
"""

MOST_SAMPLES = 100_000_000
"""The most samples of a run that a reader accepts. A client records each sample as two Python
integers in two lists, 80 bytes, so a run with more would have used more than 8 GB."""


@dataclass
class SampleRecorder:
    """The records of one client. They are lists, because `list.append` has the lowest cost."""

    starts: list[int] = field(default_factory=list)
    """Clock readings, ns."""
    ends: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    """Empty if no operation returns rows: then each operation that did not fail counts as 1."""
    first_rows_ns: list[int] = field(default_factory=list)
    """For streams, the time from the operation's start; 0 if no row came."""
    errors: dict[int, str] = field(default_factory=dict)
    """Position of a failed operation -> its error."""

    def __len__(self) -> int:
        return len(self.starts)

    def fail(
        self, start: int, end: int, error: Exception, *, counted: bool, streamed: bool
    ) -> None:
        """Record an operation that failed: it is counted and classified, never dropped."""
        self.errors[len(self)] = f"{type(error).__name__}: {error}".partition("\n")[0]
        self.starts.append(start)
        self.ends.append(end)
        if counted:
            self.rows.append(0)
        if streamed:
            self.first_rows_ns.append(0)

    def clear(self) -> None:
        """Remove the records of the warm-up."""
        for column in (self.starts, self.ends, self.rows, self.first_rows_ns, self.errors):
            column.clear()


@dataclass
class Samples:
    """The operations of one run, in columns: client by client, in the order of their ends.

    All times are samples nanoseconds. `start_ns` counts from the start barrier.
    """

    start_ns: "array[int]" = field(default_factory=lambda: array("q"))
    duration_ns: "array[int]" = field(default_factory=lambda: array("q"))
    first_row_ns: "array[int]" = field(default_factory=lambda: array("q"))
    """Time from the operation's start to its first row; empty unless streamed; 0 if no row came."""
    rows: "array[int]" = field(default_factory=lambda: array("q"))
    """Rows of the joined result; 1 for a value or a write."""
    worker: "array[int]" = field(default_factory=lambda: array("q"))
    errors: dict[int, str] = field(default_factory=dict)
    """Position of a failed sample -> the error's class and message."""

    def __len__(self) -> int:
        return len(self.start_ns)

    @property
    def error_classes(self) -> Counter[str]:
        """The number of failed samples by the class of their error."""
        return Counter(error.partition(":")[0] for error in self.errors.values())

    @classmethod
    def gather(cls, recorders: Iterable["SampleRecorder"], start_line_ns: int) -> Self:
        """Return the records of all clients as the samples of a run.

        `start_line_ns` is the clock's reading at the start barrier.
        """
        samples = cls()
        for number, recorder in enumerate(recorders):
            offset = len(samples)
            samples.start_ns.extend(start - start_line_ns for start in recorder.starts)
            samples.duration_ns.extend(map(sub, recorder.ends, recorder.starts))
            samples.first_row_ns.extend(recorder.first_rows_ns)
            ones = (int(at not in recorder.errors) for at in range(len(recorder)))
            samples.rows.extend(recorder.rows or ones)
            samples.worker.extend([number] * len(recorder))
            samples.errors.update({offset + at: error for at, error in recorder.errors.items()})
        return samples

    def as_dict(self) -> dict[str, Any]:
        """Return the samples as in the file, with packed columns."""
        columns = {name: _pack(getattr(self, name)) for name in COLUMNS}
        return {"count": len(self), **columns, "errors": self.errors}

    @classmethod
    def unpack(cls, count: int, columns: Mapping[str, bytes], errors: Mapping[int, str]) -> Self:
        """Return the samples from packed columns, already decoded from base 64.

        Raises `ValueError` for a column whose length is not `count`, for a number below 0 or above
        `LARGEST`, and for an error at a position without a sample.
        """
        if count > MOST_SAMPLES:
            raise ValueError(f"{count:,} samples are more than a run can have")
        unpacked = {name: _unpack(name, columns[name], count) for name in COLUMNS}
        if misplaced := [position for position in errors if not 0 <= position < count]:
            raise ValueError(f"samples.errors: there is no sample {misplaced[0]}")
        return cls(**unpacked, errors=dict(errors))


def _pack(column: "array[int]") -> str:
    """Return the differences of neighbours as little-endian 64-bit integers, deflated, base 64."""
    differences = array("q", map(sub, column, chain((0,), column)))
    return base64.b64encode(zlib.compress(_little_endian(differences).tobytes())).decode()


def _unpack(name: str, packed: bytes, count: int) -> "array[int]":
    # numpy takes a tenth of the time of a loop. Code that measures does not import it.
    import numpy as np

    # Inflate only the expected length: a few bytes may expand to gigabytes.
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
    # If all differences and all values are within the limit, no sum has overflowed.
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
