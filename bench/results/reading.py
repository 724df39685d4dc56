"""The reading of the lines of a results file, with the pieces of a run's samples put together."""

from collections.abc import Collection
from typing import BinaryIO

from bench.results.decoding import LineError, refused
from bench.results.entries import End, Entry
from bench.results.schema import (
    RunLine,
    SamplesFields,
    SamplesLine,
    key_of,
    read_line,
    read_samples,
)
from bench.results.stored_samples import (
    KEPT_PIECE,
    KEPT_SAMPLES,
    KeptPiece,
    OpenFile,
    Piece,
    PieceInFile,
    StoredSamples,
    remember,
)


class LineReader:
    """A reader of the lines after the first, in order.

    Every line is checked, its samples too. Small pieces of samples stay in memory until there are
    `KEPT_SAMPLES`. Others are read again when they are needed.
    """

    def __init__(self, file: BinaryIO, keys: Collection[str] | None = None) -> None:
        """`keys`: the lines of other cases are skipped, and not checked further."""
        self._file = file
        self._keys = keys
        self._may_keep = KEPT_SAMPLES
        self._open: OpenFile | None = None
        self._owners: set[tuple[str, int]] = set()
        self._pieces: list[Piece] = []

    def read(self, line: bytes, offset: int) -> Entry | End | None:
        """Return the entry in a line at `offset`; None for a piece of samples, and if skipped.

        Raises `LineError` for a line that breaks the format.
        """
        if self._keys is not None and (key := key_of(line)) and key not in self._keys:
            return None
        fields = read_line(line)
        if isinstance(fields, SamplesLine):
            self._add_piece(fields, line, offset)
            return None
        with refused():
            if isinstance(fields, RunLine):
                return fields.run(self._samples(fields, line, offset))
            return fields.entry()

    def _samples(self, fields: RunLine, line: bytes, offset: int) -> StoredSamples:
        if fields.samples.pieces is None:
            self._forget()
            return StoredSamples([self._piece(fields.samples, line, offset)])
        pieces, owners = self._pieces, self._owners
        self._forget()
        here = (len(pieces), sum(piece.count for piece in pieces))
        if owners != {(fields.key, fields.round)} or here != (
            fields.samples.pieces,
            fields.samples.count,
        ):
            raise ValueError("the lines before it do not hold its samples")
        return StoredSamples(pieces)

    def _add_piece(self, fields: SamplesLine, line: bytes, offset: int) -> None:
        if fields.piece == 0:
            self._forget()
        if fields.piece != len(self._pieces):
            raise LineError(f"piece {len(self._pieces)} of the samples is not before it")
        self._pieces.append(self._piece(fields.samples, line, offset))
        self._owners.add((fields.key, fields.round))

    def _piece(self, fields: SamplesFields, line: bytes, offset: int) -> Piece:
        with refused():
            samples = fields.samples()
        if len(samples) <= min(self._may_keep, KEPT_PIECE):
            self._may_keep -= len(samples)
            return KeptPiece(samples)
        self._open = self._open or OpenFile(self._file.fileno())
        piece = PieceInFile(self._open, offset, len(line), fields.count, read_samples)
        remember(piece, samples)  # who uses each run as it is read need not unpack it again
        return piece

    def _forget(self) -> None:
        self._pieces, self._owners = [], set()
