"""An arrival rate: operations that begin by a schedule, whether or not earlier ones have ended."""

from typing import Literal

from bench.model.errors import UsageError

ArrivalPattern = Literal["poisson", "uniform"]
"""`poisson`: independent users, so that the times between two arrivals are exponential. `uniform`:
all times between two arrivals are equal."""

MOST_PER_S = 50_000
"""The highest rate that can be asked of a process, in operations a second. The generator is Python:
with the null backend it begins about this many (docs/arrival-rate.md)."""

_MOST_DIGITS = 9

ARRIVALS = 1_000
"""The arrivals of a window, from which the queue is stationary and a p99 has ten samples above it
(docs/method.md)."""

LEAST_S = 1.0
"""The shortest window at a rate."""

LONGEST_S = 10.0
"""The longest window that a low rate makes by itself."""

LEAD_IN_SHARE = 0.25
"""The length of the lead-in, as a share of the window: operations arrive by the same schedule, and
are not counted, so that the window does not begin with an empty queue."""

GRACE_SHARE = 0.5
"""The time after the deadline in which operations that have arrived still begin, as a share of the
window. The others are counted as unserved."""

LONGEST_GRACE_S = 1.0


def parse(text: str) -> int:
    """Return operations a second. Raises `UsageError` for a text that is no rate."""
    text = text.strip().removesuffix("/s").strip()
    if not (text.isascii() and text.isdecimal() and text.strip("0")):
        raise UsageError(
            f"{text!r} is no arrival rate.\n"
            "Write whole operations a second, at least 1: --rate 500,1000,2000."
        )
    # int() raises ValueError for a number of thousands of digits.
    if len(text) > _MOST_DIGITS:
        raise too_high(text[:20], 1)
    return int(text)


def too_high(rate: int | str, processes: int) -> UsageError:
    """Return the error of a rate that so many processes cannot begin."""
    most = MOST_PER_S * processes
    where = "one process" if processes == 1 else f"{processes} processes"
    return UsageError(
        f"{rate} operations/s are more than this generator can begin: about {most:,}/s, in"
        f" {where}.\n"
        f"Choose --rate {most} or less, or more --processes. Without --rate, clients go as fast as"
        " they can."
    )


def window_at_rate_s(rate: int, seconds: float) -> float:
    """Return the length of a window at this rate, in seconds; `seconds` was asked for."""
    return max(seconds, LEAST_S, min(ARRIVALS / rate, LONGEST_S))


def lead_in_s(window_s: float) -> float:
    """Return the length of the lead-in before such a window, in seconds."""
    return LEAD_IN_SHARE * window_s


def grace_s(window_s: float) -> float:
    """Return the time after such a window in which waiting operations still begin, in seconds."""
    return min(GRACE_SHARE * window_s, LONGEST_GRACE_S)
