"""Clients of the sync mode: threads that stay, and do a round whenever they are asked to."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Barrier, BrokenBarrierError
from types import TracebackType
from typing import Self

from bench.studies.microbench.client import MicrobenchClient


class ThreadCrowd:
    """On entering, every thread has taken its seat; on leaving, it has left it."""

    def __init__(self, seats: Sequence[AbstractContextManager[MicrobenchClient]]) -> None:
        self._seats = seats
        self._line = Barrier(len(seats) + 1)
        """Where all wait, and whoever tells them: before and after a round."""
        self._over = False
        self._threads = ThreadPoolExecutor(len(seats))
        self._working: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._working = [self._threads.submit(self._live, seat) for seat in self._seats]
        self._meet()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over = True
        if kind is None:
            self._meet()
        else:
            self._line.abort()
        self._threads.shutdown()

    def round(self) -> None:
        """One round by each, all at once. Raises what one of them raised."""
        self._meet()
        self._meet()

    def _meet(self) -> None:
        try:
            self._line.wait()
        except BrokenBarrierError:
            for thread in self._working:
                thread.result()
            raise

    def _live(self, taken: AbstractContextManager[MicrobenchClient]) -> None:
        try:
            with taken as seat:
                self._line.wait()
                while self._told_to_work():
                    seat.round()
                    self._line.wait()
        except BrokenBarrierError:
            return  # another has the reason
        except BaseException:
            self._line.abort()
            raise

    def _told_to_work(self) -> bool:
        self._line.wait()
        return not self._over
