"""The clock of all measurements, and interruptions by other programs."""

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
"""The gap between two readings from which another program must have had the core."""
_SHORT_SLEEP_S = 0.001


def findings() -> Iterator[Diagnosis]:
    """Yield the diagnoses of the clock. They take a second and a half of one core."""
    readings = [perf_counter_ns() for _ in range(_READINGS)]
    steps = [step for a, b in pairwise(readings) if (step := b - a) > 0]
    yield clock_source(_source(), _cost_ns(readings))
    yield resolution(min(steps))
    yield wake_up(_lateness_ns())
    yield interruptions(_gaps_ns(), _SPIN_S)


def clock_source(source: str | None, cost_ns: float) -> Diagnosis:
    """Judge the clock source. `cost_ns` is the time of one reading from Python."""
    observed = f"{source or time.get_clock_info('perf_counter').implementation}, {cost_ns:.0f} ns"
    if cost_ns < 250:
        return Diagnosis("clock", f"{observed} a reading")
    return Diagnosis(
        "clock",
        f"{observed} a reading",
        "warning" if cost_ns < 1000 else "bad",
        "each operation needs two readings: short operations look longer, and all cost more CPU.",
        "See /sys/devices/system/clocksource/*/available_clocksource for tsc or kvm-clock.",
    )


def resolution(step_ns: int) -> Diagnosis:
    """Judge the smallest observed step of the clock."""
    observed = f"{step_ns:,} ns"
    if step_ns <= 1_000:
        return Diagnosis("resolution", observed)
    return Diagnosis(
        "resolution",
        observed,
        "warning" if step_ns <= 20_000 else "bad",
        "latencies come in steps of that size.",
        "Compare throughput, and not latency quantiles, here.",
    )


def wake_up(late_ns: int) -> Diagnosis:
    """Judge how much longer than 1 ms a sleep of 1 ms takes, in the median."""
    observed = f"{late_ns / 1e3:.0f} us late from a sleep of 1 ms"
    if late_ns < 500_000:
        return Diagnosis("wake-up", observed)
    return Diagnosis(
        "wake-up",
        observed,
        "warning",
        "every wait for the server is longer: at concurrency 1 this is most of a point read.",
        "Look for power saving (cpupower idle-info), and compare client CPU.",
    )


def interruptions(gaps_ns: Sequence[int], seconds: float) -> Diagnosis:
    """Judge the gaps in which a busy loop was not running, within `seconds`."""
    share, longest_ms = sum(gaps_ns) / (seconds * 1e9), max(gaps_ns, default=0) / 1e6
    observed = f"{len(gaps_ns) / seconds:.0f} a second, {share * 100:.1f} % of the time"
    if gaps_ns:
        observed += f", the longest {longest_ms:.1f} ms"
    if share < 0.01:
        return Diagnosis("interruptions", observed)
    return Diagnosis(
        "interruptions",
        observed,
        "warning" if share < 0.1 else "bad",
        "a busy core is interrupted so often. p99 and max show it in every measurement.",
        "Close other programs; on a shared machine, use more and longer rounds: "
        "--rounds 20 --seconds 1.",
    )


def _cost_ns(readings: Sequence[int]) -> float:
    """Return the time of one reading, from the fastest of many stretches.

    Other programs disturb some of the stretches.
    """
    stretch = 1_000
    starts = range(0, len(readings) - stretch, stretch)
    return min(readings[at + stretch] - readings[at] for at in starts) / stretch


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
