"""A wait after each operation that is a share of the operation."""

from collections import deque
from collections.abc import Callable, Mapping
from math import inf
from statistics import fmean, median
from time import perf_counter_ns, process_time_ns
from typing import Literal

Of = Literal["time", "cpu"]
"""The measure that a wait is a share of: elapsed time or CPU time for an operation."""

_CLOCKS: Mapping[Of, Callable[[], int]] = {"time": perf_counter_ns, "cpu": process_time_ns}
_BATCH = 10
"""The operations from one look at the clock to the next."""
_GROUP = 16
"""The batches whose mean is one value. An event loop takes many answers at once and waits
then, so that most batches have no wait, and few have a long one."""
_GROUPS = 25
"""The values whose median decides, so that other work on the machine does not."""
_PAUSE = 10
"""The time between two operations that is no operation's, in multiples of the usual one: a pause
between two turns, or between a warm-up and its turn. A batch begins again after it."""
_OWN_CALLS = 2_000


class BusyWait:
    """Waits after each operation for a share of what an operation takes without the wait."""

    def __init__(self, share: float, of: Of) -> None:
        self._share = share
        self._clock = _CLOCKS[of]
        self._group: list[float] = []
        self._values: deque[float] = deque(maxlen=_GROUPS)
        self._own_ns = 0.0
        """The time that a wait takes beside the waiting itself."""
        self._wait_ns, self._pause_ns = 0.0, inf
        self._ended_ns = perf_counter_ns()
        self._restart()
        start = perf_counter_ns()
        for _ in range(_OWN_CALLS):
            self()
        own_ns = (perf_counter_ns() - start) / _OWN_CALLS
        self._group.clear()
        self._values.clear()
        self._own_ns, self._wait_ns, self._pause_ns = own_ns, 0.0, inf
        self._restart()

    def __call__(self) -> None:
        """Wait, and learn from the operation before it."""
        start = perf_counter_ns()
        if start - self._ended_ns > self._pause_ns:
            self._restart()
        else:
            self._count += 1
        if self._count == _BATCH:
            took_ns = (self._clock() - self._begun_ns - self._waited_ns) / _BATCH
            self._learn(took_ns - self._own_ns)
            self._restart()
        until = start + self._wait_ns if self._own_ns else start
        now = start
        while now < until:
            now = perf_counter_ns()
        self._waited_ns += now - start
        self._ended_ns = now

    def _learn(self, took_ns: float) -> None:
        self._group.append(took_ns)
        if len(self._group) == _GROUP:
            self._values.append(fmean(self._group))
            self._group.clear()
        elif self._values:
            return  # the median is the same until the next value
        usual_ns = median(self._values) if self._values else fmean(self._group)
        self._wait_ns = max(0.0, self._share * usual_ns - self._own_ns)
        self._pause_ns = _PAUSE * usual_ns

    def _restart(self) -> None:
        self._begun_ns = self._clock()
        self._count = self._waited_ns = 0
