"""The peak memory of one operation, in a process that has done nothing else."""

import asyncio
import re
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import accessors
from accessors.api import AsyncBackend, Backend
from bench import worker_async, worker_sync
from bench.consumer import counter
from bench.results import Memory
from bench.runner import Job, loop_factory
from bench.workload import Operation

_PROC = Path("/proc/self")


def peak(job: Job) -> Memory:
    """Do the case's first operation once: how far memory rose above that of the open session.

    For a fresh process: a heap that was filled before hides what is asked of it.
    """
    backend = accessors.load(job.case.backend, job.module)
    operation = job.plans()[0][0]
    if isinstance(backend, Backend):
        before, after, answer = _sync(backend, job, operation)
    else:
        with asyncio.Runner(loop_factory=loop_factory(job.case.loop)) as loop:
            before, after, answer = loop.run(_async(backend, job, operation))
    count = counter(backend, job.case, operation.function, [])
    return Memory(job.case, after - before, count(answer))


def _sync(backend: Backend, job: Job, operation: Operation) -> tuple[int, int, Any]:
    with backend.open(job.target), backend.accessor() as accessor:
        call = worker_sync.perform(accessor, backend, job.case, operation.function)
        accessor.get_total_cost_of_an_order(1)  # what a library loads at its first statement
        before = _start_bytes()
        answer = call(*operation.arguments)
        return before, _peak_bytes(), answer


async def _async(backend: AsyncBackend, job: Job, operation: Operation) -> tuple[int, int, Any]:
    async with backend.open(job.target), backend.accessor() as accessor:
        call = worker_async.perform(accessor, backend, job.case, operation.function)
        await accessor.get_total_cost_of_an_order(1)
        before = _start_bytes()
        answer = await call(*operation.arguments)
        return before, _peak_bytes(), answer


def _start_bytes() -> int:
    """What the process holds now; from here on the peak is counted."""
    with suppress(OSError):
        # https://docs.kernel.org/filesystems/proc.html: 5 resets the peak (VmHWM).
        (_PROC / "clear_refs").write_text("5")
    return _peak_bytes()


def _peak_bytes() -> int:
    """The most that was resident; since `_start_bytes` on Linux, elsewhere ever."""
    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", (_PROC / "status").read_text())
        if found:
            return int(found[1]) * 1024
    # Elsewhere a process can't forget its peak; a fresh one has had none worth forgetting.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
