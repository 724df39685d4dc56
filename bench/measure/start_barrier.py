"""The start line: everyone open, everyone warm, then one clock for all."""

import asyncio
import gc
import threading
from collections.abc import Callable
from time import perf_counter_ns


class StartBarrier:
    """What a crowd runs by; times are those of `perf_counter_ns`."""

    def __init__(self, warm_up_s: float, window_s: float, at_start: Callable[[], None]) -> None:
        self.start_line_ns = self.warm_until_ns = self.deadline_ns = 0
        self._warm_up_ns = round(warm_up_s * 1e9)
        self._window_ns = round(window_s * 1e9)
        self._at_start = at_start

    def _all_open(self) -> None:
        self.warm_until_ns = perf_counter_ns() + self._warm_up_ns

    def _all_warm(self) -> None:
        # Nobody pays for what the warm-up left. Not the oldest generation: that walk through a
        # library's whole heap costs 50 ms, and leaves the collector in a state no program has.
        gc.collect(1)
        self._at_start()
        self.start_line_ns = perf_counter_ns()
        self.deadline_ns = self.start_line_ns + self._window_ns


class ThreadStartBarrier(StartBarrier):
    """For threads. `give_up` frees those who wait for one that will not come."""

    def __init__(
        self, crowd: int, warm_up_s: float, window_s: float, at_start: Callable[[], None]
    ) -> None:
        super().__init__(warm_up_s, window_s, at_start)
        self.opened = threading.Barrier(crowd, self._all_open)
        self.start = threading.Barrier(crowd, self._all_warm)

    def give_up(self) -> None:
        self.opened.abort()
        self.start.abort()


class AsyncStartBarrier(StartBarrier):
    """For tasks of one event loop."""

    def __init__(
        self, crowd: int, warm_up_s: float, window_s: float, at_start: Callable[[], None]
    ) -> None:
        super().__init__(warm_up_s, window_s, at_start)
        self.opened = _Line(crowd, self._all_open)
        self.start = _Line(crowd, self._all_warm)


class _Line:
    """`threading.Barrier` with its action, for tasks: asyncio's own barrier has none."""

    def __init__(self, crowd: int, action: Callable[[], None]) -> None:
        self._missing = crowd
        self._action = action
        self._free = asyncio.Event()

    async def wait(self) -> None:
        self._missing -= 1
        if self._missing == 0:
            self._action()
            self._free.set()
        await self._free.wait()
