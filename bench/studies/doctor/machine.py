"""Cores, their load and frequency, memory."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.studies.doctor.finding import Diagnosis

if TYPE_CHECKING:
    import psutil

LOOK_S = 1.0
"""How long the load is looked at."""

_CPUS = Path("/sys/devices/system/cpu")
_CGROUP = Path("/sys/fs/cgroup")


def findings() -> Iterator[Diagnosis]:
    """Takes a second, in which nothing of ours works."""
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
    """`quota`: how many cores' worth of time a container gets; None for no limit."""
    found = f"{allowed} of {installed}" if allowed < installed else str(allowed)
    if quota is not None and quota < allowed:
        return Diagnosis(
            "cores",
            f"{found}, limited to the time of {quota:g}",
            "bad",
            "a container that has used its time is halted: latencies show the halts.",
            "Lift the limit (docker run --cpuset-cpus instead of --cpus).",
        )
    if allowed == 1:
        return Diagnosis(
            "cores",
            found,
            "bad",
            "client and server take turns on one core: throughput is that of both together.",
            "Use a machine with more, or a server elsewhere: --database-url.",
        )
    if allowed < 4:
        return Diagnosis(
            "cores",
            found,
            "warning",
            "client and server share them: throughput ends where the machine ends.",
            "Compare client CPU an operation, which does not; or a server elsewhere: "
            "--database-url.",
        )
    return Diagnosis("cores", found)


def load(busy_percent: float, busiest: Sequence[tuple[str, float]]) -> Diagnosis:
    """`busiest`: names and percents of one core of what works here."""
    found = f"{busy_percent:.0f} % busy before anything is measured"
    if busy_percent < 5:
        return Diagnosis("load", found)
    names = ", ".join(f"{name} {percent:.0f} %" for name, percent in busiest)
    return Diagnosis(
        "load",
        found + (f" ({names})" if names else ""),
        "warning" if busy_percent < 25 else "bad",
        "others take the cores at times of their own: rounds differ by it.",
        "Close what else works here, and look again.",
    )


def steal(percent: float) -> Diagnosis:
    """Time that a virtual machine wanted and its host gave to others."""
    found = f"{percent:.1f} % of the time taken by neighbours of this virtual machine"
    if percent < 0.5:
        return Diagnosis("steal", found)
    return Diagnosis(
        "steal",
        found,
        "warning" if percent < 5 else "bad",
        "no measuring here sees when that happens.",
        "Use a machine, or an instance, with cores of its own; or more rounds: --rounds 20.",
    )


def frequency(governor: str | None, turbo: bool | None) -> Diagnosis:
    """Of the first core; None where the system does not say, as in most virtual machines."""
    if governor is None:
        return Diagnosis("frequency", "the system does not tell (a virtual machine, as a rule)")
    found = f"governor {governor}" + (", turbo" if turbo else "")
    if governor not in ("performance", "userspace"):
        return Diagnosis(
            "frequency",
            found,
            "warning",
            "cores speed up with work: short rounds and low concurrency look slower.",
            "sudo cpupower frequency-set --governor performance",
        )
    if turbo:
        return Diagnosis(
            "frequency",
            found,
            "warning",
            "cores slow down when they get warm: later rounds look slower.",
            "Turn turbo off in the BIOS, or trust ratios within a run alone.",
        )
    return Diagnosis("frequency", found)


def memory(available_bytes: int, swapped_bytes: int) -> Diagnosis:
    found = f"{available_bytes / 1e9:.1f} GB free, {swapped_bytes / 1e9:.1f} GB swapped out"
    if available_bytes < 1e9:
        return Diagnosis(
            "memory",
            found,
            "bad",
            "12 processes and a server do not fit: swapping would be measured.",
            "Free some, or measure fewer: --backend, --scale 0.1.",
        )
    if swapped_bytes > 1e8:
        return Diagnosis(
            "memory",
            found,
            "warning",
            "what is swapped out comes back when it is needed, in the middle of a round.",
            "Free some memory, then sudo swapoff -a && sudo swapon -a.",
        )
    return Diagnosis("memory", found)


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
    seen.sort(key=lambda one: one[1], reverse=True)
    return [one for one in seen[:3] if one[1] >= 5]
