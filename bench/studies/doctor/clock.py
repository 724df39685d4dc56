"""The clock that everything is measured with, and who interrupts us."""

import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from time import perf_counter_ns

from bench.studies.doctor.finding import Diagnosis

_SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
_READINGS = 200_000
_SPIN_S = 1.0
_GAP_NS = 200_000
"""Longer between two readings than this, and something else had the core."""
_SHORT_SLEEP_S = 0.001


def findings() -> Iterator[Diagnosis]:
    """Takes a second and a half, and a core."""
    readings = [perf_counter_ns() for _ in range(_READINGS)]
    steps = [step for a, b in pairwise(readings) if (step := b - a) > 0]
    yield clock_source(_source(), _cost_ns(readings))
    yield resolution(min(steps))
    yield wake_up(_lateness_ns())
    yield interruptions(_gaps_ns(), _SPIN_S)


def clock_source(source: str | None, cost_ns: float) -> Diagnosis:
    """`cost_ns`: of one reading, from Python."""
    found = f"{source or time.get_clock_info('perf_counter').implementation}, {cost_ns:.0f} ns"
    if cost_ns < 250:
        return Diagnosis("clock", f"{found} a reading")
    return Diagnosis(
        "clock",
        f"{found} a reading",
        "warning" if cost_ns < 1000 else "bad",
        "each operation takes two readings: the shortest look longer, and all cost CPU.",
        "See /sys/devices/system/clocksource/*/available_clocksource for tsc or kvm-clock.",
    )


def resolution(step_ns: int) -> Diagnosis:
    """The smallest step that the clock was seen to take."""
    found = f"{step_ns:,} ns"
    if step_ns <= 1_000:
        return Diagnosis("resolution", found)
    return Diagnosis(
        "resolution",
        found,
        "warning" if step_ns <= 20_000 else "bad",
        "latencies come in steps of that size.",
        "Compare throughput, and not latency quantiles, here.",
    )


def wake_up(late_ns: int) -> Diagnosis:
    """How late a sleeper of 1 ms comes back, in the median."""
    found = f"{late_ns / 1e3:.0f} us late from a sleep of 1 ms"
    if late_ns < 500_000:
        return Diagnosis("wake-up", found)
    return Diagnosis(
        "wake-up",
        found,
        "warning",
        "who waits for the server waits longer: at concurrency 1 that is most of a point read.",
        "Look for power saving (cpupower idle-info), and compare client CPU.",
    )


def interruptions(gaps_ns: Sequence[int], seconds: float) -> Diagnosis:
    """`gaps_ns`: for how long each time a busy loop was not running, over so many seconds."""
    share, longest_ms = sum(gaps_ns) / (seconds * 1e9), max(gaps_ns, default=0) / 1e6
    found = f"{len(gaps_ns) / seconds:.0f} a second, {share * 100:.1f} % of the time"
    if gaps_ns:
        found += f", the longest {longest_ms:.1f} ms"
    if share < 0.01:
        return Diagnosis("interruptions", found)
    return Diagnosis(
        "interruptions",
        found,
        "warning" if share < 0.1 else "bad",
        "a core that works is taken away so often: p99 and max show it, whatever is measured.",
        "Close what else works here; on a shared machine, more and longer rounds: "
        "--rounds 20 --seconds 1.",
    )


def _cost_ns(readings: Sequence[int]) -> float:
    """Of one; the least of many stretches, since others take their time in some of them."""
    stretch = 1_000
    begins = range(0, len(readings) - stretch, stretch)
    return min(readings[at + stretch] - readings[at] for at in begins) / stretch


def _source() -> str | None:
    try:
        return _SOURCE.read_text().strip()
    except OSError:
        return None


def _lateness_ns() -> int:
    late = []
    for _ in range(101):
        begun = perf_counter_ns()
        time.sleep(_SHORT_SLEEP_S)
        late.append(perf_counter_ns() - begun - round(_SHORT_SLEEP_S * 1e9))
    return sorted(late)[50]


def _gaps_ns() -> list[int]:
    gaps = []
    last = perf_counter_ns()
    deadline = last + round(_SPIN_S * 1e9)
    while last < deadline:
        now = perf_counter_ns()
        if now - last > _GAP_NS:
            gaps.append(now - last)
        last = now
    return gaps
