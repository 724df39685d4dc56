"""The start barrier: every session open, every client warm, then one clock for all."""

import asyncio
import gc
import threading
from collections.abc import Callable
from time import perf_counter_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.measure.arrivals import Arrivals


class StartBarrier:
    """The times of one turn, as `perf_counter_ns` gives them; 0 until they are set.

    `at_start` is called by the last client to arrive, just before the start. It returns the start
    if that is given, for several processes; None for now.
    """

    arrivals: "Arrivals | None" = None
    """The arrivals of a turn at a rate; None for a closed loop."""

    def __init__(
        self, warm_up_s: float, window_s: float, at_start: Callable[[], int | None]
    ) -> None:
        self.start_ns = self.warm_until_ns = self.deadline_ns = 0
        self._warm_up_ns = round(warm_up_s * 1e9)
        self._window_ns = round(window_s * 1e9)
        self._at_start = at_start

    def _all_open(self) -> None:
        self.warm_until_ns = perf_counter_ns() + self._warm_up_ns

    def _all_warm(self) -> None:
        # No client pays for garbage of the warm-up. The oldest generation is left out: a walk
        # through a library's whole heap takes 50 ms, and leaves the collector in a state that no
        # program has.
        gc.collect(1)
        self.start_ns = self._at_start() or perf_counter_ns()
        self.deadline_ns = self.start_ns + self._window_ns


class ThreadStartBarrier(StartBarrier):
    """The start barrier of threads. `give_up` frees those that wait for one that will not come."""

    def __init__(
        self, clients: int, warm_up_s: float, window_s: float, at_start: Callable[[], int | None]
    ) -> None:
        super().__init__(warm_up_s, window_s, at_start)
        self.opened = threading.Barrier(clients, self._all_open)
        self.start = threading.Barrier(clients, self._all_warm)

    def give_up(self) -> None:
        """Raise `BrokenBarrierError` in every thread that waits or will wait."""
        self.opened.abort()
        self.start.abort()


class AsyncStartBarrier(StartBarrier):
    """The start barrier of tasks of one event loop."""

    def __init__(
        self, clients: int, warm_up_s: float, window_s: float, at_start: Callable[[], int | None]
    ) -> None:
        super().__init__(warm_up_s, window_s, at_start)
        self.opened = _TaskBarrier(clients, self._all_open)
        self.start = _TaskBarrier(clients, self._all_warm)


class _TaskBarrier:
    """`threading.Barrier` with its action, for tasks: asyncio's own barrier has no action."""

    def __init__(self, clients: int, action: Callable[[], None]) -> None:
        self._missing = clients
        self._action = action
        self._free = asyncio.Event()

    async def wait(self) -> None:
        self._missing -= 1
        if self._missing == 0:
            self._action()
            self._free.set()
        await self._free.wait()
