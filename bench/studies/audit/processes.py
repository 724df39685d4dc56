"""Claims about cases that several processes share: their start, and their samples."""

import pickle
import time
from array import array
from collections.abc import Iterator
from contextlib import closing
from statistics import median

import numpy as np

import accessors
from bench.execution.shared_turns import SharedTurns
from bench.measure.job import Job
from bench.model.case import Case
from bench.model.errors import BenchError
from bench.model.profiles import POINT_READ
from bench.results.entries import Run
from bench.results.merged_samples import merged
from bench.results.packed_samples import PackedSamples
from bench.results.samples import Samples, SamplesInPieces
from bench.server.database import Database
from bench.studies.audit.claim import Claim, Laboratory, Outcome

PROCESSES = 4
STARTS = 20
WINDOW_S = 0.2
LATE_S = 0.01
"""A twentieth of the window: as much as `bench run` allows on several machines."""
SAMPLES = 10_000_000
_PIECE = 250_000
"""Samples of a made piece, of which `SAMPLES` is a multiple."""


def late_s(laboratory: Laboratory, processes: int = 2, starts: int = STARTS) -> list[float]:
    """Return how late the last of the processes started in each turn, and the clocks' error."""
    case = Case("psycopg2", POINT_READ, concurrency=processes, processes=processes, loop="none")
    url = laboratory.url_for("psycopg2")
    job = Job(case, accessors.BUILTIN["psycopg2"], url, laboratory.dataset, 0, WINDOW_S)
    late = []
    turns = SharedTurns(laboratory.worker_pool, Database(laboratory.url_for("psycopg")))
    with closing(turns):
        for _ in range(starts):
            run = turns.take(job, 30.0)
            if not isinstance(run, Run):
                raise BenchError(f"{case.title}: {run}\nTest it again on a quiet machine.")
            late.append(((run.start_skew_ns or 0) + (run.clock_error_ns or 0)) / 1e9)
    return late


def _started_together(laboratory: Laboratory) -> Outcome:
    late = late_s(laboratory)
    return Outcome(
        truth=f"at most {LATE_S * 1e3:.0f} ms in the median",
        measured=f"{median(late) * 1e3:.2f} ms in the median, {max(late) * 1e3:.2f} ms at most",
        holds=median(late) <= LATE_S,
    )


class _Made(SamplesInPieces):
    """Samples of point reads of one client: the same piece again and again."""

    def __init__(self, amount: int) -> None:
        size = min(_PIECE, amount)
        made = np.random.default_rng(7)
        durations = made.lognormal(np.log(100_000), 0.25, size).astype(np.int64)
        gaps = made.lognormal(np.log(600), 0.25, size).astype(np.int64)
        starts = np.cumsum(gaps) + np.cumsum(durations) - durations
        columns = (starts, durations, starts[:0], np.ones_like(starts), np.zeros_like(starts))
        start, duration, first_row, rows, worker = (array("q", each.tobytes()) for each in columns)
        self._piece = Samples(start, duration, first_row, rows, worker)
        self._amount = amount // size

    def __len__(self) -> int:
        return self._amount * len(self._piece)

    def pieces(self) -> Iterator[Samples]:
        """Yield the pieces."""
        return iter([self._piece] * self._amount)


def merging(amount: int) -> tuple[bool, float, float, int]:
    """Merge the samples of `PROCESSES` processes, as those of other machines are merged.

    Return whether all samples are there, the seconds of packing on each machine, the seconds of
    merging, and the bytes that travel.
    """
    part = _Made(amount // PROCESSES)
    began = time.monotonic()
    travels = pickle.dumps(PackedSamples(part))
    packed_at = time.monotonic()
    arrived = [pickle.loads(travels) for _ in range(PROCESSES)]
    count = total_ns = 0
    for piece in merged(arrived, range(PROCESSES)).pieces():
        count += len(piece)
        total_ns += sum(piece.duration_ns)
    ended = time.monotonic()
    whole = count == PROCESSES * len(part) and total_ns == PROCESSES * sum(
        sum(piece.duration_ns) for piece in part.pieces()
    )
    return whole, packed_at - began, ended - packed_at, PROCESSES * len(travels)


def _merged_whole() -> Outcome:
    whole, packing_s, merging_s, size = merging(SAMPLES)
    return Outcome(
        truth="each sample once",
        measured=f"{'each sample once' if whole else 'other samples'}: {packing_s:.1f} s to pack on"
        f" each machine, {size / 1e6:.0f} MB, {merging_s:.1f} s to merge",
        holds=whole,
    )


CLAIMS = (
    Claim(
        "processes-start-together",
        "Processes that share a case start together.",
        f"real turns of 2 processes, {STARTS} times: how late the last one started by the"
        " server's clock, with the clock's error",
        measure=_started_together,
    ),
    Claim(
        "processes-merge",
        f"The samples of {PROCESSES} processes on other machines are merged whole.",
        f"{SAMPLES:,} made samples are packed, sent, unpacked and put together",
        simulate=_merged_whole,
    ),
)
