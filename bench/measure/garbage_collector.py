"""How long Python's garbage collector works: it halts every thread and task meanwhile."""

import gc
from time import thread_time_ns
from typing import Self


class CollectorClock:
    """Within it, `ns` grows by the CPU time of every collection, of any generation.

    https://docs.python.org/3/library/gc.html#gc.callbacks
    """

    def __init__(self) -> None:
        self.ns = 0
        self._began_ns = 0

    def __enter__(self) -> Self:
        gc.callbacks.append(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        gc.callbacks.remove(self._note)

    def _note(self, phase: str, _: dict[str, int]) -> None:
        # One is never begun within another, and is ended by the thread that began it. That thread's
        # CPU time, since any other may run before it is told of the end.
        if phase == "start":
            self._began_ns = thread_time_ns()
        else:
            self.ns += thread_time_ns() - self._began_ns
