"""The length of a turn's window: long enough that its throughput is certain."""

from math import ceil

OPERATIONS_EACH = 10
"""The operations of each client from which its throughput is certain; `bench audit` tests it."""

LONGEST_S = 2.0
"""The longest window that is made longer by itself, or four times what was asked for if that is
more. So a case of very long operations cannot take an hour; its throughput is marked."""

OPERATIONS_OF_A_MIX = 30
"""The operations of all clients together, where they are of several kinds. With fewer, most windows
lack the rare kind, and the median of rounds is one of those. The median time of n operations is
shorter than the mean one by a share of c x skewness / 6n, for a coefficient of variation c (the
Cornish-Fisher expansion). Where one of ten operations is 20 times as long, c x skewness is 5."""


def operations_each(concurrency: int, *, mixed: bool = False) -> int:
    """Return how many operations of each client a window should have; 0 if any number will do.

    One client needs no longer window: its throughput has no bounds, because nobody ends before it.
    It does if the operations are `mixed`, of several kinds.
    """
    each = OPERATIONS_EACH if concurrency > 1 else 0
    return max(each, ceil(OPERATIONS_OF_A_MIX / concurrency)) if mixed else each


def window_s(
    latency_s: float | None, seconds: float, concurrency: int, *, mixed: bool = False
) -> float:
    """Return the length of a window in seconds, from `seconds`, which was asked for, upwards.

    `latency_s` is the mean time of an operation while all clients are active, as the warm-up or an
    earlier turn shows it; None if neither does.
    """
    each = operations_each(concurrency, mixed=mixed)
    if not each or latency_s is None:
        return seconds
    return max(seconds, min(each * latency_s, longest_s(seconds)))


def longest_s(seconds: float) -> float:
    """Return the longest window, in seconds, that may come of a window of `seconds`."""
    return max(LONGEST_S, 4 * seconds)
