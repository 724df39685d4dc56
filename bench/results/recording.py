"""The recording of operations while they are measured, in memory that stays bounded.

A client's records are Python integers in lists, 80 bytes for a sample, because `list.append` has
the lowest cost. A long run would fill the memory with them. So a client hands its records over when
it has many: they go to a file of the worker process as plain bytes, 16 to 32 for a sample.
"""

import json
import os
import tempfile
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from operator import sub
from pathlib import Path
from typing import Any

from bench.results.samples import PIECE, AnySamples, Samples, SamplesInPieces

MOST_IN_MEMORY = PIECE
"""The most samples of a run that the lists of all its clients hold together: 20 MB."""

LOOK_NS = 100_000_000
"""The time between two looks of a client at how much it has in memory. A clock that is read anyway
tells when to look, so that it costs an operation nothing."""


@dataclass(frozen=True)
class _Chunk:
    """Records of one client in the spool file: its columns one after another, then its errors."""

    offset: int
    lengths: tuple[int, ...]
    """The numbers in each column of `_RECORDED`."""
    errors_bytes: int

    def __len__(self) -> int:
        return self.lengths[0]


_RECORDED = ("starts", "ends", "rows", "first_rows_ns", "due", "free")


class _Spool:
    """A file for the records of a worker process. Threads may write to it at once.

    On Linux it has no name, so that nothing of it stays behind however the process ends.
    """

    def __init__(self) -> None:
        if _OPEN_FILES.is_dir():
            with tempfile.TemporaryFile(dir=_folder[0]) as file:
                self.descriptor, self.path = os.dup(file.fileno()), ""
        else:
            self.descriptor, self.path = tempfile.mkstemp(
                prefix="gatherbench-", suffix=".samples", dir=_folder[0]
            )
        self._size = 0
        self._lock = threading.Lock()

    def write(self, data: bytes) -> int:
        """Write at the end of the file; return the offset. Raises `OSError` on a full disk."""
        with self._lock:
            offset, self._size = self._size, self._size + len(data)
        written = 0
        while written < len(data):
            written += os.pwrite(self.descriptor, data[written:], offset + written)
        return offset


_spools: list[_Spool] = []
"""The spool of the run that this process measures, if its clients have handed anything over."""
_folder: list[str | None] = [None]
"""The folder of the next spool."""
_opening = threading.Lock()

_OPEN_FILES = Path("/proc/self/fd")
"""The folder by which Linux opens a file that has no name."""
_sent: list[int] = []
"""The descriptors of files without names that another process opens by this process's number."""


def hand_over_in(folder: str | None) -> None:
    """Choose the folder of the file to which this process's clients hand their records over.

    None stands for the folder of temporary files. Call it when the samples of earlier windows have
    arrived at the process to which they were sent.
    """
    _folder[0] = folder
    _discard_spool()  # of a window that failed
    while _sent:
        os.close(_sent.pop())


def _spool() -> _Spool:
    with _opening:
        if not _spools:
            _spools.append(_Spool())
        return _spools[0]


def _discard_spool() -> None:
    while _spools:
        spool = _spools.pop()
        os.close(spool.descriptor)
        if spool.path:
            with suppress(OSError):
                Path(spool.path).unlink()


@dataclass
class SampleRecorder:
    """The records of one client. They are lists, because `list.append` has the lowest cost."""

    starts: list[int] = field(default_factory=list)
    """Clock readings, ns. Where operations follow without a pause, `follow` appends them later."""
    ends: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    """Empty if no operation returns rows: then each operation that did not fail counts as 1."""
    first_rows_ns: list[int] = field(default_factory=list)
    """For streams, the time from the operation's start; 0 if no row came."""
    due: list[int] = field(default_factory=list)
    """At an arrival rate, the clock reading at which the operation was to start; else empty."""
    free: list[int] = field(default_factory=list)
    """At an arrival rate, the clock reading at which the client took the operation."""
    errors: dict[int, str] = field(default_factory=dict)
    """Position of a failed operation in the lists -> its error."""
    warm_up_error: str = ""
    """The first error of the warm-up; empty if there was none."""
    _chunks: list[_Chunk] = field(default_factory=list)
    """The records that were handed over, the oldest first."""
    _begun_ns: int = 0
    """The start of the first operation whose start `follow` has yet to append."""

    def __len__(self) -> int:
        # The ends: the last starts are appended when the meter has stopped.
        return len(self.ends) + sum(map(len, self._chunks))

    def begin(self, start: int) -> None:
        """Note that operations begin at `start`, each when the one before has ended."""
        self.follow()
        self._begun_ns = start

    def follow(self) -> int:
        """Append the starts of the operations whose ends are new: they followed without a pause.

        Return when the next one begins: at the last of the new ends, or at the start that `begin`
        was told if there is none.
        """
        if new := len(self.ends) - len(self.starts):
            self.starts.append(self._begun_ns)
            self.starts.extend(self.ends[-new:-1])
            return self.ends[-1]
        return self._begun_ns

    def laps_ns(self) -> list[int]:
        """Return the mean time from one end to the next, as a list; empty if it has one end."""
        if len(self.ends) < 2:
            return []
        return [(self.ends[-1] - self.ends[0]) // (len(self.ends) - 1)]

    def fail(
        self, start: int, end: int, error: Exception, *, counted: bool, streamed: bool
    ) -> None:
        """Record an operation that failed: it is counted and classified, never dropped."""
        self.errors[len(self.starts)] = f"{type(error).__name__}: {error}".partition("\n")[0]
        self.starts.append(start)
        self.ends.append(end)
        if counted:
            self.rows.append(0)
        if streamed:
            self.first_rows_ns.append(0)

    def hand_over_many(self, clients: int) -> None:
        """Hand the records over if they are more than a client's share of `MOST_IN_MEMORY`.

        If the file can't be written, because its disk is full, the records stay in memory.
        """
        if len(self.starts) * clients >= MOST_IN_MEMORY:
            with suppress(OSError):
                self.hand_over()

    def hand_over(self) -> None:
        """Write the records to the worker process's file, and empty the lists.

        Call it between two operations. Raises `OSError` if the file can't be written.
        """
        self.follow()
        if not self.starts:
            return
        columns = [array("q", getattr(self, name)) for name in _RECORDED]
        errors = json.dumps(self.errors).encode() if self.errors else b""
        offset = _spool().write(b"".join([*(column.tobytes() for column in columns), errors]))
        self._chunks.append(_Chunk(offset, tuple(map(len, columns)), len(errors)))
        self._empty()

    def clear(self) -> None:
        """Remove the records of the warm-up; keep the text of its first error."""
        self.warm_up_error = next(iter(self.errors.values()), "")
        self._empty()
        self._chunks.clear()

    def _empty(self) -> None:
        for name in (*_RECORDED, "errors"):
            getattr(self, name).clear()


def gather(
    recorders: Iterable[SampleRecorder], start_line_ns: int, shown: Callable[[str], str] = str
) -> AnySamples:
    """Return the records of all clients as the samples of a run, after the meter has stopped.

    `start_line_ns` is the clock's reading at the start barrier. `shown` returns the text of an
    error as it may be shown, and can be pickled. If a client has handed records over, the result
    reads them from the file, which belongs to it from now on. Raises `OSError` if the rest can't be
    written to that file.
    """
    clients = list(recorders)
    if not any(client._chunks for client in clients):
        _discard_spool()  # the warm-up may have filled one
        samples = Samples()
        for number, client in enumerate(clients):
            _append(samples, number, client, start_line_ns)
        samples.errors = {at: shown(error) for at, error in samples.errors.items()}
        return samples
    try:
        for client in clients:
            client.hand_over()
    except OSError:
        _discard_spool()
        raise
    chunks = [(number, chunk) for number, client in enumerate(clients) for chunk in client._chunks]
    spool = _spools.pop()
    return SpooledSamples(spool.descriptor, spool.path, chunks, start_line_ns, shown)


def _append(samples: Samples, number: int, records: SampleRecorder, start_line_ns: int) -> None:
    """Append the records of client `number` to the samples."""
    records.follow()
    offset = len(samples)
    samples.start_ns.extend(start - start_line_ns for start in records.starts)
    samples.duration_ns.extend(map(sub, records.ends, records.starts))
    samples.first_row_ns.extend(records.first_rows_ns)
    ones = (int(at not in records.errors) for at in range(len(records.starts)))
    samples.rows.extend(records.rows or ones)
    samples.worker.extend([number] * len(records.starts))
    if records.due:
        lasted = zip(records.due, records.free, records.starts, strict=True)
        times = [(max(0, free - due), start - max(due, free)) for due, free, start in lasted]
        samples.wait_ns.extend(wait for wait, _ in times)
        samples.late_ns.extend(max(0, late) for _, late in times)
    samples.errors.update({offset + at: error for at, error in records.errors.items()})


class SpooledSamples(SamplesInPieces):
    """The samples of a run in the file to which its clients have handed them.

    Pickled, it takes the file to the process that unpickles it, on the same machine. The file has
    no name there, so that it is gone when that process ends. That process empties it after use,
    because the other one may hold it open for longer.
    """

    def __init__(
        self,
        descriptor: int,
        path: str,
        chunks: list[tuple[int, _Chunk]],
        start_line_ns: int,
        shown: Callable[[str], str],
    ) -> None:
        self._descriptor, self._path, self._chunks = descriptor, path, chunks
        self._start_line_ns, self._shown = start_line_ns, shown
        self._received = False

    def __len__(self) -> int:
        return sum(len(chunk) for _, chunk in self._chunks)

    def pieces(self) -> Iterator[Samples]:
        """Yield the pieces, each of at most `PIECE` samples unless one chunk has more."""
        piece = Samples()
        for number, chunk in self._chunks:
            if len(piece) and len(piece) + len(chunk) > PIECE:
                yield piece
                piece = Samples()
            self._append(piece, number, chunk)
        yield piece

    def _append(self, piece: Samples, number: int, chunk: _Chunk) -> None:
        """Append the records of a chunk of client `number` to the piece."""
        import numpy as np

        data = self._read(chunk.offset, 8 * sum(chunk.lengths) + chunk.errors_bytes)
        ends = np.cumsum(chunk.lengths)
        columns = np.split(np.frombuffer(data, "i8", ends[-1]), ends[:-1])
        starts, ended, rows, first_rows, due, free = columns
        errors = json.loads(data[8 * ends[-1] :]) if chunk.errors_bytes else {}
        if not len(rows):
            rows = np.ones(len(chunk), "i8")
            rows[[int(at) for at in errors]] = 0
        offset = len(piece)
        piece.start_ns.frombytes((starts - self._start_line_ns).tobytes())
        piece.duration_ns.frombytes((ended - starts).tobytes())
        piece.first_row_ns.frombytes(first_rows.tobytes())
        piece.rows.frombytes(rows.tobytes())
        piece.worker.frombytes(np.full(len(chunk), number, "i8").tobytes())
        if len(due):
            late = starts - np.maximum(due, free)
            piece.wait_ns.frombytes(np.maximum(free - due, 0).tobytes())
            piece.late_ns.frombytes(np.maximum(late, 0).tobytes())
        piece.errors.update({offset + int(at): self._shown(text) for at, text in errors.items()})

    def _read(self, offset: int, length: int) -> bytes:
        data = b""
        while len(data) < length:
            part = os.pread(self._descriptor, length - len(data), offset + len(data))
            if not part:
                raise OSError(f"{self._path} ends before its last sample")
            data += part
        return data

    @property
    def errors(self) -> dict[int, str]:
        """The errors, as in `SamplesInPieces`. Without any, no piece is read."""
        return super().errors if any(chunk.errors_bytes for _, chunk in self._chunks) else {}

    def __getstate__(self) -> dict[str, Any]:
        path = self._path
        if not path:
            _sent.append(os.dup(self._descriptor))
            path = f"/proc/{os.getpid()}/fd/{_sent[-1]}"
        state = vars(self) | {"_descriptor": None, "_path": path, "_received": True}
        self._path = ""  # it belongs to the other process now
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._descriptor = os.open(self._path, os.O_RDWR)
        self._remove()

    def __del__(self) -> None:
        self._remove()
        with suppress(OSError, TypeError, AttributeError):
            if self._received:
                os.truncate(self._descriptor, 0)
            os.close(self._descriptor)

    def _remove(self) -> None:
        if path := getattr(self, "_path", ""):
            self._path = ""
            with suppress(OSError):  # a name below /proc cannot be removed
                Path(path).unlink()
