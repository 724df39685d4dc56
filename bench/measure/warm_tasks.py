"""The warm clients of an async backend: one task each, with a session that it keeps.

Backend and tasks live in an event loop of their own. The loop rests between two turns.
"""

import asyncio
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress

from accessors.api import AsyncBackend, Target
from bench.measure.clients_async import AsyncClient, AsyncHeldSession
from bench.measure.exact_loop import exact_loop
from bench.measure.heartbeat import Heartbeat
from bench.measure.job import Job
from bench.measure.meter import Meter
from bench.measure.open_clients_async import AsyncOpenClient
from bench.measure.start_barrier import AsyncStartBarrier
from bench.measure.turn import (
    Outcome,
    arrivals_of,
    at_start,
    outcome,
    seeks_latency,
    window_length,
)
from bench.model.case import Loop
from bench.model.profiles import heartbeat_s
from bench.model.workload import WORKLOADS


class _Turn:
    """A turn as the tasks see it. It ends when all of them have ended it, or one has failed."""

    def __init__(self, barrier: AsyncStartBarrier, meter: Meter, clients: int) -> None:
        self.barrier = barrier
        self.ended = asyncio.Event()
        self.error: BaseException | None = None
        self._meter = meter
        self._measuring = self._working = clients

    def measured(self) -> None:
        self._measuring -= 1
        if not self._measuring:
            self._meter.stop()

    def failed(self, error: BaseException) -> None:
        self.error = self.error or error
        self.ended.set()

    def end(self) -> None:
        self._working -= 1
        if not self._working:
            self.ended.set()


class _Slot:
    """The task of one client slot. It takes turns until it is given None."""

    def __init__(self, backend: AsyncBackend, keeps_session: bool) -> None:
        self.inbox: asyncio.Queue[tuple[AsyncClient, _Turn] | None] = asyncio.Queue()
        self._session = AsyncHeldSession(backend)
        self._keeps_session = keeps_session
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while (given := await self.inbox.get()) is not None:
            client, turn = given
            try:
                await client.work(turn.barrier, self._session)
                turn.measured()
                if not self._keeps_session:
                    await self._drop()
            except BaseException as error:
                turn.failed(error)
                if isinstance(error, asyncio.CancelledError):
                    raise
            finally:
                turn.end()
            del given, client, turn
        await self._drop()

    async def _drop(self) -> None:
        with suppress(Exception):  # a session that cannot be closed is gone all the same
            await self._session.drop()


class WarmTasks:
    """An open backend and its tasks. Raises what opening the pool raises."""

    def __init__(
        self,
        backend: AsyncBackend,
        target: Target,
        clients: int,
        loop_factory: Callable[[], asyncio.AbstractEventLoop],
        *,
        keep_sessions: bool,
    ) -> None:
        self._backend = backend
        self._runner = asyncio.Runner(loop_factory=loop_factory)
        try:
            self._runner.run(self._open(target, clients, keep_sessions))
        except BaseException:
            self._runner.close()
            raise

    async def _open(self, target: Target, clients: int, keep_sessions: bool) -> None:
        self._closing = asyncio.Event()
        opened = asyncio.Event()
        # One task opens the pool and closes it: some libraries insist on that.
        self._pool = asyncio.create_task(self._hold_open(target, opened))
        waiting = asyncio.create_task(opened.wait())
        await asyncio.wait({self._pool, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not opened.is_set():
            waiting.cancel()
            await self._pool  # raises its error
        self._slots = [_Slot(self._backend, keep_sessions) for _ in range(clients)]

    async def _hold_open(self, target: Target, opened: asyncio.Event) -> None:
        async with self._backend.open(target):
            opened.set()
            await self._closing.wait()

    def clients(self, job: Job) -> list[AsyncClient]:
        """Return a client for each slot, with its operations of the job's case."""
        kind: type[AsyncClient] = AsyncClient if job.case.rate is None else AsyncOpenClient
        return [
            kind(self._backend, job.case, plan, job.warm_up(), job.think_s) for plan in job.plans()
        ]

    def turn(
        self, job: Job, clients: Sequence[AsyncClient], meter: Meter, warm_up_s: float
    ) -> Outcome:
        """Take a turn. Raises the error of a session that cannot be opened."""
        return self._runner.run(self._turn(job, clients, meter, warm_up_s))

    async def _turn(
        self, job: Job, clients: Sequence[AsyncClient], meter: Meter, warm_up_s: float
    ) -> Outcome:
        arrivals = arrivals_of(job, meter)
        ready = at_start(job, meter, arrivals)
        barrier = AsyncStartBarrier(len(clients), warm_up_s, window_length(job), ready)
        barrier.arrivals = arrivals
        barrier.seeks_latency = seeks_latency(job)
        turn = _Turn(barrier, meter, len(clients))
        stalls_ns: array[int] = array("q")
        many_rows = WORKLOADS[job.case.workload].many_rows
        every_s = heartbeat_s(job.heartbeat_s, job.seconds, many_rows=many_rows)
        with Heartbeat(barrier, stalls_ns, every_s):
            for slot, client in zip(self._slots, clients, strict=True):
                client.begin_round(job.round)
                slot.inbox.put_nowait((client, turn))
            await turn.ended.wait()
        if turn.error:
            # The others may wait at the barrier for the one that failed.
            for slot in self._slots:
                slot.task.cancel()
            raise turn.error
        beat_ns = every_s * 1e9
        seen = barrier.window_ns >= 2 * beat_ns or max(stalls_ns, default=0) >= beat_ns
        recorders = [client.recorder for client in clients]
        return outcome(barrier, recorders, stalls_ns if seen else None)

    def close(self) -> None:
        """Close sessions, pool and event loop."""
        with self._runner:
            self._runner.run(self._close())

    async def _close(self) -> None:
        for slot in self._slots:
            slot.inbox.put_nowait(None)
        await asyncio.gather(*(slot.task for slot in self._slots), return_exceptions=True)
        self._closing.set()
        await self._pool


def loop_factory(loop: Loop, *, exact: bool = False) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return the maker of the event loop. Raises `ImportError` if uvloop is asked and missing.

    `exact`: its timers are exact to some microseconds, not to a millisecond.
    """
    if exact:
        return exact_loop
    if loop == "uvloop":
        import uvloop

        return uvloop.new_event_loop
    return asyncio.new_event_loop
