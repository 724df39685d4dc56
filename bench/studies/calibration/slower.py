"""Backends that are slower than a driver's own by a busy wait, and backends equal to it.

    bench run --backend-module bench.studies.calibration.slower \
        --backend asyncpg --backend asyncpg-slower-5-of-time --budget 60s

They reach the harness as a user's own backends do, so `bench power` slows code down from outside. A
wait holds the CPU and the GIL, as slower code would. Its length is a share of what the point read
takes in that process, counted while it runs.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from math import inf
from statistics import fmean
from time import perf_counter_ns, process_time_ns
from typing import Any, Literal

from accessors.aio.asyncpg import Asyncpg, AsyncpgAccessor
from accessors.aio.psycopg import AsyncPsycopg, AsyncPsycopgAccessor
from accessors.api import Accessor, AsyncAccessor, AsyncBackend, Backend, Target
from accessors.sync.psycopg2 import Psycopg2, Psycopg2Accessor

Of = Literal["time", "cpu"]
"""The measure that a wait is a share of: elapsed time or CPU time for an operation."""

SHARES = (0.02, 0.05, 0.10, 0.20)
_CLOCKS: Mapping[Of, Callable[[], int]] = {"time": perf_counter_ns, "cpu": process_time_ns}
_BATCH = 10
"""The operations from one look at the clock to the next."""
_BATCHES = 200
"""The batches whose mean decides. Their median would not do: an event loop takes a crowd of answers
at once and waits then, so that most batches have no wait, and few have a long one."""
_PAUSE_NS = 3_000_000
"""The time between two operations, if it is ten times the usual one too, that is no operation's: a
pause between two turns. A batch begins again after it."""
_OWN_CALLS = 2_000


def slower(backend: str, share: float, of: Of) -> str:
    """Return the name of the slower backend; of the equal one for a share of 0."""
    return f"{backend}-slower-{share * 100:.0f}-of-{of}" if share else f"{backend}-equal"


class BusyWait:
    """Waits after each operation for a share of what an operation takes without the wait."""

    def __init__(self, share: float, of: Of) -> None:
        self._share = share
        self._clock = _CLOCKS[of]
        self._batches: deque[float] = deque(maxlen=_BATCHES)
        self._own_ns = 0.0
        """The time that a wait takes beside the waiting itself."""
        self._wait_ns, self._pause_ns = 0.0, inf
        self._ended_ns = perf_counter_ns()
        self._restart()
        start = perf_counter_ns()
        for _ in range(_OWN_CALLS):
            self()
        own_ns = (perf_counter_ns() - start) / _OWN_CALLS
        self._batches.clear()
        self._own_ns, self._wait_ns, self._pause_ns = own_ns, 0.0, inf
        self._restart()

    def __call__(self) -> None:
        """Wait, and learn from the operation before it."""
        start = perf_counter_ns()
        if start - self._ended_ns > self._pause_ns:
            self._restart()
        else:
            self._count += 1
        if self._count == _BATCH:
            took_ns = (self._clock() - self._begun_ns - self._waited_ns) / _BATCH
            self._batches.append(took_ns - self._own_ns)
            usual_ns = fmean(self._batches)
            self._wait_ns = max(0.0, self._share * usual_ns - self._own_ns)
            self._pause_ns = max(_PAUSE_NS, 10 * usual_ns)
            self._restart()
        until = start + self._wait_ns if self._own_ns else start
        now = start
        while now < until:
            now = perf_counter_ns()
        self._waited_ns += now - start
        self._ended_ns = now

    def _restart(self) -> None:
        self._begun_ns = self._clock()
        self._count = self._waited_ns = 0


class _SlowerAsyncpgAccessor(AsyncpgAccessor):
    def __init__(self, connection: Any, wait: BusyWait) -> None:
        super().__init__(connection)
        self._wait = wait

    async def get_total_cost_of_an_order(self, order_id: int) -> Any:
        answer = await self._connection.fetchval(self.reads.total_cost_of_an_order, order_id)
        self._wait()
        return answer


class _SlowerAsyncPsycopgAccessor(AsyncPsycopgAccessor):
    def __init__(self, connection: Any, wait: BusyWait) -> None:
        super().__init__(connection)
        self._wait = wait

    async def get_total_cost_of_an_order(self, order_id: int) -> Any:
        answer = await self.fetch_value(self.reads.total_cost_of_an_order, order_id)
        self._wait()
        return answer


class _SlowerPsycopg2Accessor(Psycopg2Accessor):
    def __init__(self, connection: Any, wait: BusyWait) -> None:
        super().__init__(connection)
        self._wait = wait

    def get_total_cost_of_an_order(self, order_id: int) -> Any:
        answer = self.fetch_value(self.reads.total_cost_of_an_order, order_id)
        self._wait()
        return answer


class _Equal:
    """A backend of another name, and nothing else."""

    name: str

    def __init__(self) -> None:
        self.name = slower(self.name, 0, "time")


class _EqualAsyncpg(_Equal, Asyncpg):
    pass


class _EqualAsyncPsycopg(_Equal, AsyncPsycopg):
    pass


class _EqualPsycopg2(_Equal, Psycopg2):
    pass


class _Slower:
    """A backend whose point read ends with a wait, one for all clients of a pool."""

    name: str

    def __init__(self, share: float, of: Of) -> None:
        self.name = slower(self.name, share, of)
        self._wanted = share, of


class _SlowerAsyncpg(_Slower, Asyncpg):
    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[None]:
        self._wait = BusyWait(*self._wanted)
        async with super().open(target):
            yield

    @asynccontextmanager
    async def accessor(self) -> AsyncIterator[AsyncAccessor]:
        async with self._pool.acquire(timeout=self._pool_timeout_s) as connection:
            yield _SlowerAsyncpgAccessor(connection, self._wait)


class _SlowerAsyncPsycopg(_Slower, AsyncPsycopg):
    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[None]:
        self._wait = BusyWait(*self._wanted)
        async with super().open(target):
            yield

    @asynccontextmanager
    async def accessor(self) -> AsyncIterator[AsyncAccessor]:
        async with self._pool.connection(timeout=self._pool_timeout_s) as connection:
            yield _SlowerAsyncPsycopgAccessor(connection, self._wait)


class _SlowerPsycopg2(_Slower, Psycopg2):
    @contextmanager
    def open(self, target: Target) -> Iterator[None]:
        self._wait = BusyWait(*self._wanted)
        with super().open(target):
            yield

    @contextmanager
    def accessor(self) -> Iterator[Accessor]:
        connection = self._pool.getconn()
        try:
            connection.autocommit = self._autocommit
            yield _SlowerPsycopg2Accessor(connection, self._wait)
        finally:
            self._pool.putconn(connection)


_SLOWER = (_SlowerAsyncpg, _SlowerAsyncPsycopg, _SlowerPsycopg2)
DRIVERS = (Asyncpg.name, AsyncPsycopg.name, Psycopg2.name)
"""The backends that have a slower one."""

BACKENDS: tuple[Backend | AsyncBackend, ...] = (
    _EqualAsyncpg(),
    _EqualAsyncPsycopg(),
    _EqualPsycopg2(),
    *(backend(share, of) for backend in _SLOWER for share in SHARES for of in _CLOCKS),
)
