"""The measured operations of a run as columns: in one piece, or in pieces that are read in turn."""

from abc import ABC, abstractmethod
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.results.packing import AT_RATE as AT_RATE
from bench.results.packing import COLUMNS as COLUMNS
from bench.results.packing import LARGEST as LARGEST
from bench.results.packing import pack

PIECE = 262_144
"""The most samples of a piece that is written: 10 MB in memory."""


def _column() -> "array[int]":
    return array("q")


@dataclass
class Samples:
    """The operations of one run, in columns: client by client, in the order of their ends.

    All times are nanoseconds. `start_ns` counts from the start barrier.
    """

    start_ns: "array[int]" = field(default_factory=_column)
    duration_ns: "array[int]" = field(default_factory=_column)
    first_row_ns: "array[int]" = field(default_factory=_column)
    """Time from the operation's start to its first row; empty unless streamed; 0 if no row came."""
    rows: "array[int]" = field(default_factory=_column)
    """Rows of the joined result; 1 for a value or a write."""
    worker: "array[int]" = field(default_factory=_column)
    errors: dict[int, str] = field(default_factory=dict)
    """Position of a failed sample -> the error's class and message."""
    wait_ns: "array[int]" = field(default_factory=_column)
    """Time from the intended start until a client was free; empty without an arrival rate."""
    late_ns: "array[int]" = field(default_factory=_column)
    """Time from then, or from a later intended start, to the start; empty like `wait_ns`."""

    def __len__(self) -> int:
        return len(self.start_ns)

    @property
    def error_classes(self) -> Counter[str]:
        """The number of failed samples by the class of their error."""
        return Counter(error.partition(":")[0] for error in self.errors.values())

    def pieces(self) -> "Iterator[Samples]":
        """Yield the samples themselves: they are one piece."""
        yield self

    def as_dict(self) -> dict[str, Any]:
        """Return the samples as in the file, with packed columns."""
        columns = pack({name: getattr(self, name) for name in (*COLUMNS, *AT_RATE)})
        return {"count": len(self), **columns, "errors": self.errors}


class SamplesInPieces(ABC):
    """The operations of one run, of which only a piece is in memory at a time.

    The pieces follow each other as in `Samples`. A column of the whole run is made on each access,
    and takes 8 bytes a sample: use `pieces` for a run that may be long.
    """

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of samples in all pieces."""

    @abstractmethod
    def pieces(self) -> Iterator[Samples]:
        """Yield the pieces in order. The positions of errors count from the start of a piece."""

    @property
    def start_ns(self) -> "array[int]":
        return self._whole("start_ns")

    @property
    def duration_ns(self) -> "array[int]":
        return self._whole("duration_ns")

    @property
    def first_row_ns(self) -> "array[int]":
        return self._whole("first_row_ns")

    @property
    def rows(self) -> "array[int]":
        return self._whole("rows")

    @property
    def worker(self) -> "array[int]":
        return self._whole("worker")

    @property
    def wait_ns(self) -> "array[int]":
        return self._whole("wait_ns")

    @property
    def late_ns(self) -> "array[int]":
        return self._whole("late_ns")

    @property
    def errors(self) -> dict[int, str]:
        """The position in the whole run of each failed sample -> the error's class and message."""
        errors: dict[int, str] = {}
        offset = 0
        for piece in self.pieces():
            errors.update({offset + at: error for at, error in piece.errors.items()})
            offset += len(piece)
        return errors

    @property
    def error_classes(self) -> Counter[str]:
        """The number of failed samples by the class of their error."""
        return sum((piece.error_classes for piece in self.pieces()), Counter())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Samples | SamplesInPieces):
            return NotImplemented
        names = (*COLUMNS, *AT_RATE, "errors")
        return all(getattr(self, name) == getattr(other, name) for name in names)

    __hash__ = None  # type: ignore[assignment]

    def _whole(self, name: str) -> "array[int]":
        column = _column()
        for piece in self.pieces():
            column.extend(getattr(piece, name))
        return column


AnySamples = Samples | SamplesInPieces
"""The samples of a run, in memory or elsewhere."""
