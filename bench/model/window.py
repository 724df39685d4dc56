"""The length of a turn's window: long enough that its throughput is certain."""

OPERATIONS_EACH = 10
"""The operations of each client from which its throughput is certain; `bench audit` tests it."""

LONGEST_S = 2.0
"""The longest window that is made longer by itself, or four times what was asked for if that is
more. So a case of very long operations cannot take an hour; its throughput is marked."""


def window_s(latency_s: float | None, seconds: float, concurrency: int) -> float:
    """Return the length of a window in seconds, from `seconds`, which was asked for, upwards.

    `latency_s` is the mean time of an operation while all clients are active, as the warm-up or an
    earlier turn shows it; None if neither does. One client needs no longer window: its throughput
    has no bounds, because nobody ends before it.
    """
    if concurrency == 1 or latency_s is None:
        return seconds
    return max(seconds, min(OPERATIONS_EACH * latency_s, longest_s(seconds)))


def longest_s(seconds: float) -> float:
    """Return the longest window, in seconds, that may come of a window of `seconds`."""
    return max(LONGEST_S, 4 * seconds)
