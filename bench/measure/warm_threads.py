"""The warm clients of a sync backend: one thread each, with a session that it keeps."""

import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from queue import SimpleQueue
from threading import BrokenBarrierError

from accessors.api import Backend, Target
from bench.measure.clients_sync import Client, HeldSession
from bench.measure.job import Job
from bench.measure.meter import Meter
from bench.measure.open_clients_sync import OpenClient
from bench.measure.start_barrier import ThreadStartBarrier
from bench.measure.turn import (
    Outcome,
    arrivals_of,
    at_start,
    outcome,
    seeks_latency,
    window_length,
)


class _Turn:
    """A turn as the threads see it. It ends when all of them have ended it."""

    def __init__(self, barrier: ThreadStartBarrier, meter: Meter, clients: int) -> None:
        self.barrier = barrier
        self.ended = threading.Event()
        self.errors: list[BaseException] = []
        self._meter = meter
        self._lock = threading.Lock()
        self._measuring = self._working = clients

    def measured(self) -> None:
        with self._lock:
            self._measuring -= 1
            if not self._measuring:
                self._meter.stop()

    def failed(self, error: BaseException) -> None:
        with self._lock:
            self.errors.append(error)
        self.barrier.give_up()

    def end(self) -> None:
        with self._lock:
            self._working -= 1
            if not self._working:
                self.ended.set()


class _Slot(threading.Thread):
    """The thread of one client slot. It takes turns until it is given None."""

    def __init__(self, backend: Backend, keeps_session: bool) -> None:
        super().__init__(daemon=True)
        self.inbox: SimpleQueue[tuple[Client, _Turn] | None] = SimpleQueue()
        self._session = HeldSession(backend)
        self._keeps_session = keeps_session

    def run(self) -> None:
        while (given := self.inbox.get()) is not None:
            client, turn = given
            try:
                client.work(turn.barrier, self._session)
                turn.measured()
                if not self._keeps_session:
                    self._drop()
            except BaseException as error:
                turn.failed(error)
            finally:
                turn.end()
            del given, client, turn
        self._drop()

    def _drop(self) -> None:
        with suppress(Exception):  # a session that cannot be closed is gone all the same
            self._session.drop()


class WarmThreads:
    """An open backend and its threads. Raises what opening the pool raises."""

    def __init__(
        self, backend: Backend, target: Target, clients: int, *, keep_sessions: bool
    ) -> None:
        self._backend = backend
        self._pool = ExitStack()
        self._pool.enter_context(backend.open(target))
        self._slots = [_Slot(backend, keep_sessions) for _ in range(clients)]
        for slot in self._slots:
            slot.start()

    def clients(self, job: Job) -> list[Client]:
        """Return a client for each slot, with its operations of the job's case."""
        kind: type[Client] = Client if job.case.rate is None else OpenClient
        return [
            kind(self._backend, job.case, plan, job.warm_up(), job.think_s) for plan in job.plans()
        ]

    def turn(self, job: Job, clients: Sequence[Client], meter: Meter, warm_up_s: float) -> Outcome:
        """Take a turn. Raises the error of a session that cannot be opened."""
        arrivals = arrivals_of(job, meter)
        ready = at_start(job, meter, arrivals)
        barrier = ThreadStartBarrier(len(clients), warm_up_s, window_length(job), ready)
        barrier.arrivals = arrivals
        barrier.seeks_latency = seeks_latency(job)
        turn = _Turn(barrier, meter, len(clients))
        for slot, client in zip(self._slots, clients, strict=True):
            client.begin_round(job.round)
            slot.inbox.put((client, turn))
        turn.ended.wait()
        # First the error that is a reason, not a consequence.
        for error in sorted(turn.errors, key=lambda error: isinstance(error, BrokenBarrierError)):
            raise error
        return outcome(barrier, [client.recorder for client in clients], None)

    def close(self) -> None:
        """Close sessions and pool."""
        for slot in self._slots:
            slot.inbox.put(None)
        for slot in self._slots:
            slot.join()
        self._pool.close()
