"""The heartbeat of an event loop, which shows its stalls: how late it wakes what sleeps."""

import asyncio
from array import array
from time import perf_counter_ns
from typing import Self

from bench.measure.start_barrier import StartBarrier
from bench.model.profiles import HEARTBEAT_S


class Heartbeat:
    """A heartbeat of the running event loop, from its `__enter__` to its `__exit__`.

    From the start barrier on, it appends to `stalls_ns` how late the loop wakes a sleeper, in ns,
    every `every_s` seconds and at the end: the last operation may have held the loop. It takes the
    two steps of the loop that `asyncio.sleep` takes, without a task, which would cost a point read
    0.4 %.
    """

    def __init__(
        self, barrier: StartBarrier, stalls_ns: "array[int]", every_s: float = HEARTBEAT_S
    ) -> None:
        self._barrier = barrier
        self._stalls_ns = stalls_ns
        self._every_s = every_s
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> Self:
        self._sleep()
        return self

    def __exit__(self, *_: object) -> None:
        self._next.cancel()
        self._note()

    def _sleep(self) -> None:
        self._expected_ns = perf_counter_ns() + round(self._every_s * 1e9)
        self._next: asyncio.Handle = self._loop.call_later(self._every_s, self._time_is_over)

    def _time_is_over(self) -> None:
        self._next = self._loop.call_soon(self._wake)

    def _wake(self) -> None:
        self._note()
        self._sleep()

    def _note(self) -> None:
        if start_ns := self._barrier.start_ns:
            late_ns = perf_counter_ns() - max(self._expected_ns, start_ns)
            self._stalls_ns.append(max(0, late_ns))
