"""The time that Python's garbage collector takes. It halts every thread and task meanwhile."""

import gc
from time import thread_time_ns
from typing import Self


class CollectorClock:
    """A clock of collections: in its block, `ns` grows by the CPU time of each, of any generation.

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
        # No collection begins within another, and the thread that began it ends it. The CPU time of
        # that thread is read, because other threads may run before the end is reported.
        if phase == "start":
            self._began_ns = thread_time_ns()
        else:
            self.ns += thread_time_ns() - self._began_ns
