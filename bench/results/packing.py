"""The packing of the columns of samples: small, and fast to read.

Since format 4 a column is a byte with the width of its numbers, then their lowest bytes, then their
second bytes and so on, deflated. The high bytes are nearly all alike, so that they take no space.
Formats 1 to 3 have the differences of neighbours as 64-bit integers, deflated.

Starts are packed as gaps: an operation begins a few hundred nanoseconds after the one before it
ended, so a gap has half the digits of the difference between two starts.
"""

import base64
import zlib
from array import array
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.uint64]

COLUMNS = ("start_ns", "duration_ns", "first_row_ns", "rows", "worker")
"""The columns of a run, in the order of `Samples`."""

AT_RATE = ("wait_ns", "late_ns")
"""The columns that only a run at an arrival rate has."""

PACKED = ("gap_ns", *COLUMNS[1:])
"""The columns of a run in the file, since format 4."""

LARGEST = 2**53
"""The largest number in a results file, about 104 days in nanoseconds. Up to this number every
program that reads JSON has exact integers (https://www.rfc-editor.org/rfc/rfc8259#section-6).
"""

MOST_SAMPLES = 100_000_000
"""The most samples of a line that a reader accepts. Earlier versions kept 80 bytes of each in
memory, so a line with more would have used more than 8 GB."""

_LEVEL = 2
"""The level of zlib. On samples of point reads it takes half of the default's time, and 10 % more
space."""


def pack(columns: "Mapping[str, array[int]]") -> dict[str, str]:
    """Return the packed columns in base 64, by the names in `PACKED`.

    `columns` has the names in `COLUMNS`, and those in `AT_RATE` if they are not empty. Numbers are
    packed modulo 2^64.
    """
    import numpy as np

    more = [name for name in AT_RATE if columns.get(name)]
    numbers = {name: np.frombuffer(columns[name], np.uint64) for name in (*COLUMNS, *more)}
    start, duration = numbers["start_ns"], numbers["duration_ns"]
    end_before = np.zeros_like(start)
    same = _same_client(numbers["worker"])
    end_before[1:][same] = (start[:-1] + duration[:-1])[same]
    numbers["gap_ns"] = start - end_before
    return {name: _pack(numbers[name]) for name in (*PACKED, *more)}


def unpack(columns: Mapping[str, bytes], count: int) -> "dict[str, array[int]]":
    """Return the columns by the names in `COLUMNS`, from those of any format.

    Raises `ValueError` for a column whose length is not `count`, and for a number below 0 or above
    `LARGEST`.
    """
    if count > MOST_SAMPLES:
        raise ValueError(f"{count:,} samples are more than a line can have")
    if "start_ns" in columns:
        numbers = {name: _from_differences(name, columns[name], count) for name in COLUMNS}
        return {name: _checked(name, numbers[name]) for name in COLUMNS}
    more = [name for name in AT_RATE if name in columns]
    numbers = {name: _from_planes(name, columns[name], count) for name in (*PACKED, *more)}
    numbers["start_ns"] = _starts(numbers)
    return {name: _checked(name, numbers[name]) for name in (*COLUMNS, *more)}


def _pack(numbers: "Numbers") -> str:
    import numpy as np

    width = max(1, (int(numbers.max(initial=0)).bit_length() + 7) // 8)
    bytes_of = numbers.astype("<u8", copy=False).view(np.uint8).reshape(-1, 8)
    planes = np.ascontiguousarray(bytes_of[:, :width].T).tobytes()
    return base64.b64encode(zlib.compress(bytes([width]) + planes, _LEVEL)).decode()


def _from_planes(name: str, packed: bytes, count: int) -> "Numbers":
    import numpy as np

    data = _inflate(name, packed, 8 * count + 1)
    width = data[0] if data else 0
    length, rest = divmod(len(data) - 1, width) if 1 <= width <= 8 else (-1, 0)
    if rest or not _fits(name, length, count):
        raise _other_length(name, count)
    if width == 1:
        return np.frombuffer(data, np.uint8, offset=1).astype(np.uint64)
    bytes_of = np.zeros((length, 8), np.uint8)
    bytes_of[:, :width] = np.frombuffer(data, np.uint8, offset=1).reshape(width, length).T
    return bytes_of.view("<u8").reshape(-1).astype(np.uint64, copy=False)


def _from_differences(name: str, packed: bytes, count: int) -> "Numbers":
    import numpy as np

    data = _inflate(name, packed, 8 * count)
    if len(data) % 8 or not _fits(name, len(data) // 8, count):
        raise _other_length(name, count)
    differences = np.frombuffer(data, "<i8")
    # If every difference and every value is within the limit, no sum has overflowed.
    if len(differences) and not -LARGEST <= differences.min() <= differences.max() <= LARGEST:
        raise _out_of_range(name)
    return differences.cumsum().astype(np.int64, copy=False).view(np.uint64)


def _starts(numbers: "Mapping[str, Numbers]") -> "Numbers":
    """Return the starts: each operation's gap after the end of the client's one before it."""
    import numpy as np

    gap, duration, worker = numbers["gap_ns"], numbers["duration_ns"], numbers["worker"]
    ends = np.cumsum(gap + duration, dtype=np.uint64)
    starts: Numbers = ends - duration
    firsts = np.flatnonzero(~_same_client(worker)) + 1
    if len(firsts):
        # The sum goes on from client to client, and each client's clock begins at 0.
        lengths = [*(firsts[1:] - firsts[:-1]).tolist(), len(gap) - int(firsts[-1])]
        starts[firsts[0] :] -= np.repeat(ends[firsts - 1], lengths)
    return starts


def _same_client(worker: "Numbers") -> "NDArray[np.bool_]":
    """Return whether each sample after the first is of the client of the one before it."""
    same: NDArray[np.bool_] = worker[1:] == worker[:-1]
    return same


def _inflate(name: str, packed: bytes, most: int) -> bytes:
    # Inflate only the expected length: a few bytes may expand to gigabytes.
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(packed, most + 1)
    except zlib.error as error:
        raise ValueError(f"samples.{name} is not deflated: {error}") from error
    if not inflater.eof or len(data) > most:
        raise ValueError(f"samples.{name} does not hold as many samples as it says")
    return data


def _fits(name: str, length: int, count: int) -> bool:
    # Without a stream there are no first rows; format 1 has none for some operations that failed.
    return length == count or (name == "first_row_ns" and 0 <= length < count)


def _checked(name: str, numbers: "Numbers") -> "array[int]":
    if len(numbers) and numbers.max() > LARGEST:
        raise _out_of_range(name)
    column: array[int] = array("q")
    column.frombytes(numbers.data.cast("B"))
    return column


def _other_length(name: str, count: int) -> ValueError:
    return ValueError(f"samples.{name} does not hold {count:,} samples")


def _out_of_range(name: str) -> ValueError:
    return ValueError(f"samples.{name} holds a number below 0 or above {LARGEST:,}")
