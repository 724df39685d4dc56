"""The samples of a run in a results file, which are unpacked a piece at a time."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from bench.model.errors import BenchError
from bench.results.samples import Samples, SamplesInPieces

KEPT_SAMPLES = 500_000
"""The most samples of a results file that stay in memory: 20 MB. Others are read again."""

KEPT_PIECE = 10_000
"""The most samples of a piece that stays in memory.

Else a few rounds of the null backend take all of the room, and a thousand small pieces are read
twice, at a cost that hardly depends on their size.
"""


class Piece(Protocol):
    """A piece of the samples of a run, wherever it is."""

    @property
    def count(self) -> int:
        """The number of samples."""

    def samples(self) -> Samples:
        """Return the samples, unpacked. Raises `ValueError` if they are damaged."""


class OpenFile:
    """A results file that stays open for as long as samples in it may be read."""

    def __init__(self, descriptor: int) -> None:
        """Take a copy of the descriptor of an open file. Raises `OSError`."""
        self._descriptor = os.dup(descriptor)

    def read(self, offset: int, length: int) -> bytes:
        """Return the bytes of a line. Raises `OSError`."""
        return os.pread(self._descriptor, length, offset)

    def __del__(self) -> None:
        with suppress(OSError, AttributeError):
            os.close(self._descriptor)


@dataclass(frozen=True, eq=False)
class KeptPiece:
    """A piece of samples in memory."""

    kept: Samples

    @property
    def count(self) -> int:
        """The number of samples."""
        return len(self.kept)

    def samples(self) -> Samples:
        """Return the samples."""
        return self.kept


class PieceInFile:
    """A piece of samples in a line of a file."""

    def __init__(
        self, file: OpenFile, offset: int, length: int, count: int, read: Callable[[bytes], Samples]
    ) -> None:
        """`read` returns the samples in the line. Raises `ValueError` for another line."""
        self.count = count
        self._file, self._offset, self._length, self._read = file, offset, length, read

    def samples(self) -> Samples:
        """Return the samples. Raises `BenchError` if the file was changed since it was checked."""
        try:
            return self._read(self._file.read(self._offset, self._length))
        except (OSError, ValueError) as error:
            raise BenchError(
                f"a results file was changed while it was read ({error}).\n"
                "Type the command again when nothing writes to that file."
            ) from error


class StoredSamples(SamplesInPieces):
    """The samples of a run in a results file."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = tuple(pieces)

    def __len__(self) -> int:
        return sum(piece.count for piece in self._pieces)

    def pieces(self) -> Iterator[Samples]:
        """Yield the pieces in order, each unpacked when it is needed."""
        return map(_unpacked, self._pieces)

    def __repr__(self) -> str:
        return f"StoredSamples({len(self)} in {len(self._pieces)} pieces)"


_latest: list[tuple[Piece, Samples]] = []
"""The piece that was unpacked last. Columns of a run are mostly asked for one after another."""


def remember(piece: Piece, samples: Samples) -> None:
    """Keep the samples of a piece until another piece is unpacked."""
    _latest[:] = [(piece, samples)]


def forget() -> None:
    """Keep the samples of no piece: the next one that is asked for is read."""
    _latest.clear()


def _unpacked(piece: Piece) -> Samples:
    if not (_latest and _latest[0][0] is piece):
        _latest[:] = [(piece, piece.samples())]
    return _latest[0][1]
