"""The time of a sync to disk, for which every commit waits."""

import os
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter_ns

from bench.model.errors import BenchError
from bench.studies.doctor.finding import Diagnosis

_SYNCS = 30
_PAGE = b"\0" * 8192  # as PostgreSQL writes its log


def finding(folder: Path) -> Diagnosis:
    """Return the diagnosis of the file system of this folder, which has the embedded server's data.

    The folder need not exist yet. Raises `BenchError` if nothing can be written there.
    """
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return sync_time(_median_sync_ns(file.fileno()))
    except OSError as error:
        raise BenchError(
            f"cannot write to {folder}: {error.strerror}.\n"
            "Set GATHERBENCH_HOME to a folder you can write to."
        ) from error


def sync_time(median_ns: float) -> Diagnosis:
    """Judge the median time to write and sync a page."""
    observed = f"{median_ns / 1e6:.2f} ms to write and sync 8 kB"
    if median_ns < 20_000:
        return Diagnosis(
            "disk",
            observed,
            "warning",
            "no disk syncs so fast: writes cost less here than on a server with a real sync.",
            "Compare writes with each other, and not with another machine's.",
        )
    if median_ns > 5e6:
        return Diagnosis(
            "disk",
            observed,
            "warning",
            "a write waits for the disk, which hides the differences between the libraries.",
            "Compare client CPU of the writes, or use a faster disk: GATHERBENCH_HOME=...",
        )
    return Diagnosis("disk", observed)


def _median_sync_ns(file: int) -> float:
    sync = getattr(os, "fdatasync", os.fsync)  # macOS has only fsync
    took = []
    for _ in range(_SYNCS):
        begun = perf_counter_ns()
        os.write(file, _PAGE)
        sync(file)
        took.append(perf_counter_ns() - begun)
    return median(took)
