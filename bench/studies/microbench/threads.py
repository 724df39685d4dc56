"""The clients of the sync mode: threads that stay, and do a round whenever one is started."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Barrier, BrokenBarrierError
from types import TracebackType
from typing import Self

from bench.studies.microbench.client import MicrobenchClient


class ClientThreads:
    """A thread for each client. It opens its client on entering, and closes it on leaving."""

    def __init__(self, clients: Sequence[AbstractContextManager[MicrobenchClient]]) -> None:
        self._clients = clients
        self._line = Barrier(len(clients) + 1)
        """The barrier where the threads and the caller of `round` wait before and after a round."""
        self._over = False
        self._threads = ThreadPoolExecutor(len(clients))
        self._working: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._working = [self._threads.submit(self._live, client) for client in self._clients]
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
        """Do one round of all clients at once. Raises the error of a client."""
        self._meet()
        self._meet()

    def _meet(self) -> None:
        try:
            self._line.wait()
        except BrokenBarrierError:
            for thread in self._working:
                thread.result()
            raise

    def _live(self, opened: AbstractContextManager[MicrobenchClient]) -> None:
        try:
            with opened as client:
                self._line.wait()
                while self._next_round_begins():
                    client.round()
                    self._line.wait()
        except BrokenBarrierError:
            return  # another thread raised the reason
        except BaseException:
            self._line.abort()
            raise

    def _next_round_begins(self) -> bool:
        self._line.wait()
        return not self._over
