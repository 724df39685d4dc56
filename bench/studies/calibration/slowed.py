"""Backends that are slowed down by a busy wait, so that `bench calibrate` has a difference to find.

They are not in the list of backends. A point read of psycopg2, or an operation of the user's own,
takes longer by a given share. The wait holds the CPU and the GIL, as slower code would.
"""

import copy
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from time import perf_counter_ns
from typing import Any

from accessors.api import Accessor, AnyBackend, AsyncAccessor, Backend
from accessors.sync.psycopg2 import Psycopg2, Psycopg2Accessor
from bench.measure import runner
from bench.measure.job import Job
from bench.results.entries import Run

SHARES = (0.05, 0.10, 0.20)
"""The busy waits, as shares of the call. The slowdown that they cause is measured."""


def name_of(share: float) -> str:
    return f"psycopg2-slowed-{share:.0%}"


class _SlowedAccessor(Psycopg2Accessor):
    def __init__(self, connection: Any, share: float) -> None:
        super().__init__(connection)
        self._share = share

    def get_total_cost_of_an_order(self, order_id: int) -> Any:
        start = perf_counter_ns()
        answer = super().get_total_cost_of_an_order(order_id)
        _wait(start, self._share)
        return answer


class _Slowed(Psycopg2):
    def __init__(self, share: float) -> None:
        self.name = name_of(share)
        self._share = share

    @contextmanager
    def accessor(self) -> Iterator[Accessor]:
        connection = self._pool.getconn()
        try:
            connection.autocommit = self._autocommit
            yield _SlowedAccessor(connection, self._share)
        finally:
            self._pool.putconn(connection)


BACKENDS = tuple(_Slowed(share) for share in SHARES)


def _wait(start_ns: int, share: float) -> None:
    """Hold the processor for a share of the time since `start_ns`."""
    end_ns = perf_counter_ns()
    until_ns = end_ns + (end_ns - start_ns) * share
    while perf_counter_ns() < until_ns:
        pass


def take_turn(job: Job, share: float, functions: Sequence[str]) -> Run:
    """Measure a turn of any job, with these functions slowed down by the share.

    It is for a worker process in which all turns are slowed. Raises as `runner.take_turn`.
    """
    kind = type(job)

    def backend(self: Job) -> AnyBackend:
        return _slow(kind.backend(self), share, functions)

    slowed_job = copy.copy(job)
    object.__setattr__(slowed_job, "__class__", type(kind.__name__, (kind,), {"backend": backend}))
    return runner.take_turn(slowed_job)


def _slow(backend: AnyBackend, share: float, functions: Sequence[str]) -> AnyBackend:
    """Give the backend sessions whose functions wait."""
    if isinstance(backend, Backend):
        give = backend.accessor

        @contextmanager
        def accessor() -> Iterator[Accessor]:
            with give() as session:
                for name in functions:
                    setattr(session, name, _slowed(getattr(session, name), share))
                yield session

        backend.accessor = accessor  # type: ignore[method-assign]
        return backend
    give_async = backend.accessor

    @asynccontextmanager
    async def async_accessor() -> AsyncIterator[AsyncAccessor]:
        async with give_async() as session:
            for name in functions:
                setattr(session, name, _slowed_async(getattr(session, name), share))
            yield session

    backend.accessor = async_accessor  # type: ignore[method-assign]
    return backend


def _slowed(function: Callable[..., Any], share: float) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        start_ns = perf_counter_ns()
        answer = function(*arguments)
        _wait(start_ns, share)
        return answer

    return call


def _slowed_async(function: Callable[..., Any], share: float) -> Callable[..., Any]:
    async def call(*arguments: Any) -> Any:
        start_ns = perf_counter_ns()
        answer = await function(*arguments)
        _wait(start_ns, share)
        return answer

    return call
