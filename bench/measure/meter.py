"""What a run used: CPU of client and server, and the garbage collector's time.

Read at the start line and when all have finished.
"""

import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from bench.measure.garbage_collector import CollectorClock


class Meter:
    """Started by the last worker to arrive at the start line."""

    def __init__(self, postmaster_pid: int | None) -> None:
        self._postmaster_pid = postmaster_pid
        self._served_before = _server_processes(postmaster_pid)
        self._collector = CollectorClock()

    def __enter__(self) -> Self:
        self._collector.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._collector.__exit__()

    def start(self) -> None:
        self.started_at = datetime.now(UTC)
        self._server_ns = server_cpu_ns(self._postmaster_pid)
        self._machine_ns = machine_cpu_ns()
        self._gc_ns = self._collector.ns
        self._client_ns = time.process_time_ns()
        self._clock_ns = time.perf_counter_ns()

    def stop(self) -> None:
        self.elapsed_ns = time.perf_counter_ns() - self._clock_ns
        self.client_cpu_ns = time.process_time_ns() - self._client_ns
        self.gc_ns = self._collector.ns - self._gc_ns
        before, after = self._server_ns, server_cpu_ns(self._postmaster_pid)
        self.server_cpu_ns = None if before is None or after is None else max(0, after - before)
        used_ns, before_ns = machine_cpu_ns(), self._machine_ns
        known = used_ns is not None and before_ns is not None
        self.machine_cpu_ns = max(0, used_ns - before_ns) if known else None  # type: ignore[operator]
        self.other_cpu_ns = self._others_ns()
        # The server has a process for each connection.
        served = _server_processes(self._postmaster_pid)
        self.connections = len(served - self._served_before) if served else None

    def _others_ns(self) -> int | None:
        if self.machine_cpu_ns is None or self.server_cpu_ns is None:
            return None
        return max(0, self.machine_cpu_ns - self.client_cpu_ns - self.server_cpu_ns)


def server_cpu_ns(postmaster_pid: int | None) -> int | None:
    """CPU time that the living processes of a local server have used; None where it is not seen."""
    if postmaster_pid is None:
        return None
    try:
        return _from_proc(postmaster_pid)
    except (OSError, ValueError, IndexError):
        return _from_psutil(postmaster_pid)


def machine_cpu_ns() -> int | None:
    """CPU time that all programs have used on all cores, in steps of a clock tick (10 ms).

    With what the hypervisor gave to others. None where the kernel does not tell.
    https://docs.kernel.org/filesystems/proc.html#miscellaneous-kernel-statistics-in-proc-stat
    """
    try:
        with Path("/proc/stat").open() as lines:
            user, nice, system, _idle, _wait, irq, softirq, steal = map(
                int, lines.readline().split()[1:9]
            )
    except (OSError, ValueError):
        return None
    ticks = user + nice + system + irq + softirq + steal
    return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def _server_processes(postmaster_pid: int | None) -> set[str]:
    """The children of a local server's first process; empty where they are not seen."""
    if postmaster_pid is None:
        return set()
    try:
        return set(_children(postmaster_pid))
    except OSError:
        return set()


def _children(postmaster_pid: int) -> list[str]:
    return Path(f"/proc/{postmaster_pid}/task/{postmaster_pid}/children").read_text().split()


def _from_proc(postmaster_pid: int) -> int:
    # Linux counts in nanoseconds here, and names the children without a walk through all
    # processes. https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat
    total = 0
    for pid in (str(postmaster_pid), *_children(postmaster_pid)):
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            total += int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    return total


def _from_psutil(postmaster_pid: int) -> int | None:
    import psutil

    try:
        postmaster = psutil.Process(postmaster_pid)
        spent = [process.cpu_times() for process in (postmaster, *postmaster.children())]
    except psutil.Error:
        return None
    return round(sum(times.user + times.system for times in spent) * 1e9)
