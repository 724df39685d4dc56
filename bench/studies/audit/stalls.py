"""Claims about stalls: an event loop that is blocked for a known time."""

import asyncio
import time
from array import array
from statistics import median
from types import SimpleNamespace
from typing import cast

from bench.measure.heartbeat import Heartbeat
from bench.measure.start_barrier import StartBarrier
from bench.model.profiles import HEARTBEAT_S, heartbeat_s
from bench.studies.audit.claim import Claim, Outcome

STALL_S = WINDOW_S = 0.05
TIMES = 21
LARGEST_ERROR = 0.1


def stall_ns(every_s: float, after_s: float) -> int:
    """Return the longest stall that heartbeats see in a window that one operation blocks.

    The window opens `after_s` after the first heartbeat began to wait.
    """
    return asyncio.run(_stalled(every_s, after_s))


async def _stalled(every_s: float, after_s: float) -> int:
    course = cast(StartBarrier, SimpleNamespace(start_ns=0))
    stalls: array[int] = array("q")
    with Heartbeat(course, stalls, every_s):
        await asyncio.sleep(after_s)
        course.start_ns = time.perf_counter_ns()
        time.sleep(STALL_S)  # noqa: ASYNC251 - to block the loop is the purpose
        await asyncio.sleep(0)
    return max(stalls)


def _short_window() -> Outcome:
    fine = heartbeat_s(HEARTBEAT_S, WINDOW_S, many_rows=True)
    moments_s = [HEARTBEAT_S * (number + 0.5) / TIMES for number in range(TIMES)]
    now = median(stall_ns(fine, moment_s) for moment_s in moments_s) / 1e9
    before = median(stall_ns(HEARTBEAT_S, moment_s) for moment_s in moments_s) / 1e9
    return Outcome(
        truth=f"{STALL_S * 1e3:.0f} ms",
        measured=f"{now * 1e3:.1f} ms",
        before=f"{before * 1e3:.1f} ms",
        holds=abs(now / STALL_S - 1) <= LARGEST_ERROR,
    )


CLAIMS = (
    Claim(
        "stall-short-window",
        f"A stall as long as its window is read within {LARGEST_ERROR:.0%}, where operations return"
        " many rows.",
        f"an event loop blocked for {STALL_S * 1e3:.0f} ms in a window of {WINDOW_S * 1e3:.0f} ms,"
        f" at {TIMES} moments between two heartbeats",
        simulate=_short_window,
    ),
)
