"""The peak memory of one operation, in a process that has done nothing else."""

import asyncio
import re
import resource
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from accessors.api import AsyncBackend, Backend
from bench.measure import clients_async, clients_sync, free_heap
from bench.measure.allocator import bring_into
from bench.measure.consumer import Streamed, counter
from bench.measure.runner import Job, loop_factory
from bench.model.workload import Operation
from bench.results.entries import Memory

_PROC = Path("/proc/self")


def peak(job: Job) -> Memory:
    """Perform the case's first operation once; return how far memory rose above the open session.

    For a fresh process: a heap that was filled before hides what is asked of it. The free memory
    that imports left in its heap is used up before, for the same reason. What a library loads when
    it first fetches so is loaded before, by an answer of next to no rows.
    """
    backend = job.backend()
    bring_into(job.case.allocator)
    operation = job.plans()[0][0]
    if isinstance(backend, Backend):
        seen = _measured(backend, job, operation)
    else:
        with asyncio.Runner(loop_factory=loop_factory(job.case.loop)) as loop:
            seen = loop.run(_measured_async(backend, job, operation))
    count = counter(backend, job.case, operation.function, [])
    first_row_ns = seen.answer.first_row_ns if isinstance(seen.answer, Streamed) else None
    return Memory(job.case, seen.peak_bytes, count(seen.answer), seen.elapsed_ns, first_row_ns)


def peak_untimed(job: Job) -> Memory:
    """Measure the same beside other probes. They share no memory with it, but take its time."""
    return replace(peak(job), elapsed_ns=None, first_row_ns=None)


@dataclass(frozen=True)
class _Seen:
    answer: Any
    peak_bytes: int
    elapsed_ns: int


class _Watch:
    def __init__(self) -> None:
        self._held = free_heap.use_up()
        self._bytes, self._ns = _start_bytes(), perf_counter_ns()

    def stop(self, answer: Any) -> _Seen:
        elapsed_ns = perf_counter_ns() - self._ns
        return _Seen(answer, _peak_bytes() - self._bytes, elapsed_ns)


def _measured(backend: Backend, job: Job, operation: Operation) -> _Seen:
    with backend.open(job.target), backend.accessor() as accessor:
        few = job.of_few_rows(operation)
        clients_sync.perform(accessor, backend, job.case, few.function)(*few.arguments)
        call = clients_sync.perform(accessor, backend, job.case, operation.function)
        watch = _Watch()
        return watch.stop(call(*operation.arguments))


async def _measured_async(backend: AsyncBackend, job: Job, operation: Operation) -> _Seen:
    async with backend.open(job.target), backend.accessor() as accessor:
        few = job.of_few_rows(operation)
        await clients_async.perform(accessor, backend, job.case, few.function)(*few.arguments)
        call = clients_async.perform(accessor, backend, job.case, operation.function)
        watch = _Watch()
        return watch.stop(await call(*operation.arguments))


def _start_bytes() -> int:
    """Return the memory that the process holds now, and count the peak from here on."""
    with suppress(OSError):
        # https://docs.kernel.org/filesystems/proc.html: 5 resets the peak (VmHWM).
        (_PROC / "clear_refs").write_text("5")
    return _peak_bytes()


def _peak_bytes() -> int:
    """Return the peak of resident memory: since `_start_bytes` on Linux, elsewhere ever."""
    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", (_PROC / "status").read_text())
        if found:
            return int(found[1]) * 1024
    # Elsewhere a process cannot reset its peak. A fresh process has had no peak to reset.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
