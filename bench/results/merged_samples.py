"""The samples of one run that several processes measured, as those of one."""

from array import array
from collections.abc import Iterator, Sequence

from bench.results.packing import AT_RATE, COLUMNS
from bench.results.samples import PIECE, AnySamples, Samples, SamplesInPieces


def merged(parts: Sequence[AnySamples], first_clients: Sequence[int]) -> AnySamples:
    """Return the samples of all parts, one part after another.

    `first_clients` has the number of the first client of each part: a part counts its own from 0.
    Times count from each part's own start.
    """
    together = MergedSamples(parts, first_clients)
    if all(isinstance(part, Samples) for part in parts) and len(together) <= PIECE:
        return next(together.pieces())
    return together


class MergedSamples(SamplesInPieces):
    """The samples of several processes. Only a piece of them is merged at a time."""

    def __init__(self, parts: Sequence[AnySamples], first_clients: Sequence[int]) -> None:
        self._parts, self._first_clients = parts, first_clients

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def pieces(self) -> Iterator[Samples]:
        """Yield the pieces: those of the parts, small ones together."""
        piece = Samples()
        for part, first in zip(self._parts, self._first_clients, strict=True):
            for of_part in part.pieces():
                if len(piece) and len(piece) + len(of_part) > PIECE:
                    yield piece
                    piece = Samples()
                _append(piece, of_part, first)
        yield piece


def _append(piece: Samples, more: Samples, first_client: int) -> None:
    import numpy as np

    offset = len(piece)
    clients = np.frombuffer(more.worker, np.int64) + first_client
    for name in (*COLUMNS, *AT_RATE):
        getattr(piece, name).extend(getattr(more, name) if name != "worker" else array("q"))
    piece.worker.frombytes(clients.tobytes())
    piece.errors.update({offset + at: error for at, error in more.errors.items()})
