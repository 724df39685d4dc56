"""The cores with their load and frequency, and the memory."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.studies.doctor.finding import Diagnosis

if TYPE_CHECKING:
    import psutil

LOOK_S = 1.0
"""Seconds for which the load is observed."""

_CPUS = Path("/sys/devices/system/cpu")
_CGROUP = Path("/sys/fs/cgroup")


def findings() -> Iterator[Diagnosis]:
    """Yield the diagnoses of the machine. The load is observed for a second."""
    import psutil

    yield cores(_allowed_cores(), os.cpu_count() or 1, _quota())
    before = list(_processes())
    busy = psutil.cpu_times_percent(LOOK_S)
    yield load(100 - busy.idle - getattr(busy, "iowait", 0.0), _busiest(before))
    if hasattr(busy, "steal"):
        yield steal(busy.steal)
    yield frequency(_read(_CPUS / "cpu0/cpufreq/scaling_governor"), _turbo())
    yield memory(psutil.virtual_memory().available, psutil.swap_memory().used)


def cores(allowed: int, installed: int, quota: float | None) -> Diagnosis:
    """Judge the number of cores. `quota` is the CPU limit of a container in cores, or None."""
    observed = f"{allowed} of {installed}" if allowed < installed else str(allowed)
    if quota is not None and quota < allowed:
        return Diagnosis(
            "cores",
            f"{observed}, limited to the time of {quota:g}",
            "bad",
            "a container that has used its time is paused, and latencies show the pauses.",
            "Lift the limit (docker run --cpuset-cpus instead of --cpus).",
        )
    if allowed == 1:
        return Diagnosis(
            "cores",
            observed,
            "bad",
            "client and server share one core: throughput is limited by both together.",
            "Use a machine with more, or a server elsewhere: --database-url.",
        )
    if allowed < 4:
        return Diagnosis(
            "cores",
            observed,
            "warning",
            "client and server share them: the machine limits the throughput.",
            "Compare client CPU per operation, which has no such limit; or use a server elsewhere: "
            "--database-url.",
        )
    return Diagnosis("cores", observed)


def load(busy_percent: float, busiest: Sequence[tuple[str, float]]) -> Diagnosis:
    """Judge the load. `busiest`: name and percent of one core of the busiest programs."""
    observed = f"{busy_percent:.0f} % busy before anything is measured"
    if busy_percent < 5:
        return Diagnosis("load", observed)
    names = ", ".join(f"{name} {percent:.0f} %" for name, percent in busiest)
    return Diagnosis(
        "load",
        observed + (f" ({names})" if names else ""),
        "warning" if busy_percent < 25 else "bad",
        "other programs use the cores at random times, so that rounds differ.",
        "Close other programs, and check again.",
    )


def steal(percent: float) -> Diagnosis:
    """Judge the time that the host gave to other virtual machines while this one needed it."""
    observed = f"{percent:.1f} % of the time taken by neighbours of this virtual machine"
    if percent < 0.5:
        return Diagnosis("steal", observed)
    return Diagnosis(
        "steal",
        observed,
        "warning" if percent < 5 else "bad",
        "no measurement on this machine shows when that happens.",
        "Use a machine or an instance with dedicated cores, or more rounds: --rounds 20.",
    )


def frequency(governor: str | None, turbo: bool | None) -> Diagnosis:
    """Judge the frequency of the first core. None: unknown, as in most virtual machines."""
    if governor is None:
        return Diagnosis("frequency", "the system does not say (usual in a virtual machine)")
    observed = f"governor {governor}" + (", turbo" if turbo else "")
    if governor not in ("performance", "userspace"):
        return Diagnosis(
            "frequency",
            observed,
            "warning",
            "cores speed up with work: short rounds and low concurrency look slower.",
            "sudo cpupower frequency-set --governor performance",
        )
    if turbo:
        return Diagnosis(
            "frequency",
            observed,
            "warning",
            "cores slow down when they get warm: later rounds look slower.",
            "Turn turbo off in the BIOS, or trust ratios within a run alone.",
        )
    return Diagnosis("frequency", observed)


def memory(available_bytes: int, swapped_bytes: int) -> Diagnosis:
    """Judge the free memory, and the memory that is swapped out."""
    observed = f"{available_bytes / 1e9:.1f} GB free, {swapped_bytes / 1e9:.1f} GB swapped out"
    if available_bytes < 1e9:
        return Diagnosis(
            "memory",
            observed,
            "bad",
            "12 processes and a server do not fit: swapping would be measured.",
            "Free some, or measure fewer: --backend, --scale 0.1.",
        )
    if swapped_bytes > 1e8:
        return Diagnosis(
            "memory",
            observed,
            "warning",
            "swapped memory is read back when it is needed, in the middle of a round.",
            "Free some memory, then sudo swapoff -a && sudo swapon -a.",
        )
    return Diagnosis("memory", observed)


def _allowed_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota() -> float | None:
    # https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
    text = _read(_CGROUP / "cpu.max")
    if text is None or text.startswith("max"):
        return None
    granted_us, period_us = map(int, text.split())
    return granted_us / period_us


def _turbo() -> bool | None:
    if (text := _read(_CPUS / "intel_pstate/no_turbo")) is not None:
        return text == "0"
    if (text := _read(_CPUS / "cpufreq/boost")) is not None:
        return text == "1"
    return None


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None


def _processes() -> "Iterator[psutil.Process]":
    import psutil

    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            process.cpu_percent()  # counts from here on
        except psutil.Error:
            continue
        yield process


def _busiest(processes: "Sequence[psutil.Process]") -> list[tuple[str, float]]:
    import psutil

    seen = []
    for process in processes:
        try:
            seen.append((process.name(), process.cpu_percent()))
        except psutil.Error:
            continue
    seen.sort(key=lambda program: program[1], reverse=True)
    return [(name, percent) for name, percent in seen[:3] if percent >= 5]
