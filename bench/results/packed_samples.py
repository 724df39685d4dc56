"""The samples of a run as they travel between machines: packed as in a results file."""

import base64
from collections.abc import Iterator

from bench.results.packing import AT_RATE, PACKED, unpack
from bench.results.samples import AnySamples, Samples, SamplesInPieces


class PackedSamples(SamplesInPieces):
    """Samples in packed pieces. Pickled, they need no file of the machine that measured them."""

    def __init__(self, samples: AnySamples) -> None:
        self._pieces = [piece.as_dict() for piece in samples.pieces()]

    def __len__(self) -> int:
        return sum(piece["count"] for piece in self._pieces)

    def pieces(self) -> Iterator[Samples]:
        """Yield the pieces in order, each unpacked when it is needed."""
        for piece in self._pieces:
            names = (*PACKED, *(name for name in AT_RATE if name in piece))
            columns = {name: base64.b64decode(piece[name]) for name in names}
            yield Samples(**unpack(columns, piece["count"]), errors=piece["errors"])
