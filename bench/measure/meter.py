"""The meter of one window: CPU of client and server, and the garbage collector's time.

It is read at the start barrier, and when all clients have finished.
"""

import os
import re
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from bench.measure.garbage_collector import CollectorClock


class Meter:
    """A meter that the last client at the start barrier starts, and the last to finish stops."""

    def __init__(self, postmaster_pid: int | None) -> None:
        self._postmaster_pid = postmaster_pid
        self._served_before = server_processes(postmaster_pid)
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

    def count_from(self, start_ns: int) -> None:
        """Let the time of the window count from this reading of the clock."""
        self._clock_ns = start_ns

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
        served = server_processes(self._postmaster_pid)
        self.appeared = new_clients(self._served_before, served)
        self.connections = len(self.appeared) if served else None

    def _others_ns(self) -> int | None:
        if self.machine_cpu_ns is None or self.server_cpu_ns is None:
            return None
        return max(0, self.machine_cpu_ns - self.client_cpu_ns - self.server_cpu_ns)


def server_cpu_ns(postmaster_pid: int | None) -> int | None:
    """Return the CPU time of a local server's live processes, in ns; None if it is not seen."""
    if postmaster_pid is None:
        return None
    try:
        return _from_proc(postmaster_pid)
    except (OSError, ValueError, IndexError):
        return _from_psutil(postmaster_pid)


def machine_cpu_ns() -> int | None:
    """Return the CPU time of all programs on all cores, in ns, in steps of a clock tick (10 ms).

    It includes the time that the hypervisor gave to others. None if the kernel does not tell.
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


def server_processes(postmaster_pid: int | None) -> set[str]:
    """Return the children of a local server's first process; an empty set if they are not seen."""
    if postmaster_pid is None:
        return set()
    try:
        return set(_children(postmaster_pid))
    except OSError:
        return set()


def new_clients(before: set[str], now: set[str]) -> set[str]:
    """Return the processes among `now` that serve clients and were not there before.

    The server starts others at any time, such as a worker of autovacuum, and names them so.
    """
    return {pid for pid in now - before if not _OF_THE_SERVER.match(_title(pid))}


def accepted(postmaster_pid: int | None, before: set[str]) -> int | None:
    """Return how many clients a local server has accepted since its processes were `before`, and
    still serves; None if they are not seen."""
    now = server_processes(postmaster_pid)
    return len(new_clients(before, now)) if now else None


_OF_THE_SERVER = re.compile(
    r"postgres: (\S+: )?((autovacuum|parallel|io) worker|logical replication)"
)
"""Titles of processes that serve no client, with the name of the cluster if it has one.
https://www.postgresql.org/docs/current/monitoring-ps.html"""


def _title(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:  # it has ended
        return ""


def _children(postmaster_pid: int) -> list[str]:
    return Path(f"/proc/{postmaster_pid}/task/{postmaster_pid}/children").read_text().split()


def _from_proc(postmaster_pid: int) -> int:
    # Linux counts in nanoseconds here, and names the children without a walk through all
    # processes. https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat
    total = 0
    living = (str(postmaster_pid), *_children(postmaster_pid))
    for pid in living:
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            if pid not in _SCHEDSTATS:
                _SCHEDSTATS[pid] = os.open(f"/proc/{pid}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
            total += int(os.pread(_SCHEDSTATS[pid], 100, 0).split()[0])
    for pid in _SCHEDSTATS.keys() - living:
        os.close(_SCHEDSTATS.pop(pid))
    return total


_SCHEDSTATS: dict[str, int] = {}
"""Process id of a server process -> its open file in /proc. There may be 200 of them, and to open
them all takes 5 ms, twice a turn. An open file never shows another process of the same id."""


def _from_psutil(postmaster_pid: int) -> int | None:
    import psutil

    try:
        postmaster = psutil.Process(postmaster_pid)
        spent = [process.cpu_times() for process in (postmaster, *postmaster.children())]
    except psutil.Error:
        return None
    return round(sum(times.user + times.system for times in spent) * 1e9)
