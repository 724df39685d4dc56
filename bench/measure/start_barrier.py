"""The start barrier: every session open, every client warm, then one clock for all."""

import asyncio
import gc
import threading
from collections.abc import Callable
from statistics import fmean
from time import perf_counter_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.measure.arrivals import Arrivals

WindowLength = Callable[[float | None], float]
"""A function from the mean time of an operation to the length of the window, both in seconds."""


class StartBarrier:
    """The times of one turn, as `perf_counter_ns` gives them; 0 until they are set.

    `window_s` returns the length of the window, from the mean time of an operation in the warm-up,
    which is None if no client has added to `laps_ns`. `at_start` is called by the last client to
    arrive, just before the start. It returns the start if that is given, for several processes;
    None for now.
    """

    arrivals: "Arrivals | None" = None
    """The arrivals of a turn at a rate; None for a closed loop."""

    def __init__(
        self, warm_up_s: float, window_s: WindowLength, at_start: Callable[[], int | None]
    ) -> None:
        self.start_ns = self.warm_until_ns = self.deadline_ns = self.window_ns = 0
        self.seeks_latency = False
        """Whether the clients add to `laps_ns`."""
        self.laps_ns: list[int] = []
        """The mean time of an operation in the warm-up of each client, without its first one."""
        self._warm_up_ns = round(warm_up_s * 1e9)
        self._window_s = window_s
        self._at_start = at_start

    def _all_open(self) -> None:
        self.warm_until_ns = perf_counter_ns() + self._warm_up_ns

    def _latency_s(self) -> float | None:
        # First operations are left out: they may prepare statements, and in a queue the first one
        # of the first client waits for nobody.
        return fmean(self.laps_ns) / 1e9 if self.laps_ns else None

    def _all_warm(self) -> None:
        # No client pays for garbage of the warm-up. The oldest generation is left out: a walk
        # through a library's whole heap takes 50 ms, and leaves the collector in a state that no
        # program has.
        self.window_ns = round(self._window_s(self._latency_s()) * 1e9)
        gc.collect(1)
        self.start_ns = self._at_start() or perf_counter_ns()
        self.deadline_ns = self.start_ns + self.window_ns


class ThreadStartBarrier(StartBarrier):
    """The start barrier of threads. `give_up` frees those that wait for one that will not come."""

    def __init__(
        self,
        clients: int,
        warm_up_s: float,
        window_s: WindowLength,
        at_start: Callable[[], int | None],
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
        self,
        clients: int,
        warm_up_s: float,
        window_s: WindowLength,
        at_start: Callable[[], int | None],
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
