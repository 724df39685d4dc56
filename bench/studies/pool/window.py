"""The window in which a pool is watched."""

import sys
from threading import Lock
from time import perf_counter_ns

WINDOW_S = 0.3
WARM_UP_S = 0.05


class Window:
    """The time of `seconds` in which waits and operations count.

    It begins `WARM_UP_S` after the last client has begun to work: clients that the machine has not
    let begin yet do not wait for a connection.
    """

    def __init__(self, clients: int, seconds: float) -> None:
        self.start_ns = self.end_ns = sys.maxsize
        self._missing = clients
        self._seconds = seconds
        self._lock = Lock()

    def join(self) -> None:
        """Note that one more client has begun to work."""
        with self._lock:
            self._missing -= 1
            if not self._missing and self.end_ns:
                self.start_ns = perf_counter_ns() + round(WARM_UP_S * 1e9)
                self.end_ns = self.start_ns + round(self._seconds * 1e9)

    def close(self) -> None:
        """End the work of all clients, because one has failed."""
        with self._lock:
            self.end_ns = 0

    def is_over(self) -> bool:
        """Return whether the window has ended."""
        return perf_counter_ns() >= self.end_ns

    def is_open(self) -> bool:
        """Return whether the time is now in the window."""
        return self.has(perf_counter_ns())

    def has(self, when_ns: int) -> bool:
        """Return whether the time is in the window."""
        return self.start_ns <= when_ns < self.end_ns

    def part(self, start_ns: int, end_ns: int) -> int:
        """Return the time of the window that is between `start_ns` and `end_ns`, in ns."""
        return max(0, min(end_ns, self.end_ns) - max(start_ns, self.start_ns))
