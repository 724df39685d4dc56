"""The measuring loop of one task of the crowd. Its twin, for threads, is worker_sync.py.

An operation begun before the deadline is finished and kept as a sample; how much of it counts is
for the statistics to say. A failed operation is a sample too, and its session is replaced.
"""

from asyncio import sleep
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from itertools import cycle
from time import perf_counter_ns
from typing import Any

from accessors.api import AsyncAccessor, AsyncBackend
from bench.case import Case
from bench.consumer import Consumer, Streamed, counter, new_consumer
from bench.course import AsyncCourse
from bench.samples import Samples
from bench.workload import Operation

Call = Callable[..., Awaitable[Any]]

AFTER_FAILURE_S = 0.01
"""How long to wait before the next session: a dead server is no reason to spin."""


def perform(accessor: AsyncAccessor, backend: AsyncBackend, case: Case, function: str) -> Call:
    """One function on one session, in the case's way of fetching.

    A buffered call without more is the accessor's own method: no layer in between.
    """
    method: Call = getattr(accessor, function)
    if function not in backend.shapes:
        return method
    new = new_consumer(backend, case, function)
    if case.fetch.mode == "buffered":
        return method if case.rows == "native" else _consumed(method, new)
    name = function.replace("get_", "stream_", 1)
    if case.fetch.mode == "batched":
        return _batched(getattr(accessor, f"{name}_batches"), new, case.fetch.batch_size)
    return _streamed(getattr(accessor, name), new, case.fetch.batch_size)


def _consumed(method: Call, new: Callable[[], Consumer]) -> Call:
    async def call(*arguments: Any) -> int:
        return new()(await method(*arguments))

    return call


def _streamed(
    stream: Callable[..., Any], new: Callable[[], Consumer], batch_size: int | None
) -> Call:
    async def call(*arguments: Any) -> Streamed:
        consume = new()
        count = first_row_ns = 0
        start = perf_counter_ns()
        async with stream(*arguments, batch_size=batch_size) as found:
            rows = aiter(found)
            async for row in rows:
                first_row_ns = perf_counter_ns() - start
                count = consume((row,))
                break
            # The loop of a plain row is the shortest there is: it runs 100,000 times.
            if consume is len:
                async for _ in rows:
                    count += 1
            else:
                async for row in rows:
                    count += consume((row,))
        return Streamed(count, first_row_ns)

    return call


def _batched(
    stream: Callable[..., Any], new: Callable[[], Consumer], batch_size: int | None
) -> Call:
    async def call(*arguments: Any) -> Streamed:
        consume = new()
        count = first_row_ns = 0
        start = perf_counter_ns()
        async with stream(*arguments, batch_size=batch_size) as batches:
            async for batch in batches:
                if not count:
                    first_row_ns = perf_counter_ns() - start
                count += consume(batch)
        return Streamed(count, first_row_ns)

    return call


def _in_own_session(backend: AsyncBackend, case: Case, function: str) -> Call:
    async def call(*arguments: Any) -> Any:
        async with backend.accessor() as accessor:
            return await perform(accessor, backend, case, function)(*arguments)

    return call


class Worker:
    """One task of the crowd: its operations, its sessions, its samples."""

    def __init__(self, backend: AsyncBackend, case: Case, operations: Sequence[Operation]) -> None:
        self.samples = Samples()
        self._backend = backend
        self._case = case
        self._operations = cycle(operations)
        self._functions = {operation.function for operation in operations}

    async def work(self, course: AsyncCourse) -> None:
        """Open a session, warm up, wait at the start line, measure until the deadline.

        Raises what opening the first session raises; from the start line on, all is a sample.
        """
        started = reached = False
        try:
            async with self._session() as accessor:
                await course.opened.wait()
                intact = await self._measure(accessor, course.warm_until_ns, Samples())
                await course.start.wait()
                started = True
                reached = intact and await self._measure(accessor, course.deadline_ns, self.samples)
        except Exception:
            if not started:
                raise
        while not reached:
            await sleep(AFTER_FAILURE_S)
            reached = await self._measure_anew(course.deadline_ns)

    def _session(self) -> AbstractAsyncContextManager[AsyncAccessor | None]:
        return (
            nullcontext() if self._case.session_scope == "operation" else self._backend.accessor()
        )

    async def _measure_anew(self, deadline_ns: int) -> bool:
        measured = False
        start = perf_counter_ns()
        try:
            async with self._session() as accessor:
                reached = await self._measure(accessor, deadline_ns, self.samples)
                measured = True
                return reached
        except Exception as error:
            if not measured:
                self.samples.fail(start, perf_counter_ns(), error)
            return perf_counter_ns() >= deadline_ns

    async def _measure(
        self, accessor: AsyncAccessor | None, deadline_ns: int, samples: Samples
    ) -> bool:
        """True when the deadline was reached, False when an operation failed."""
        backend, case, clock = self._backend, self._case, perf_counter_ns
        steps = {
            function: (
                perform(accessor, backend, case, function)
                if accessor
                else _in_own_session(backend, case, function),
                counter(backend, case, function, samples.first_row_ns),
            )
            for function in self._functions
        }
        started, took, counted = (
            column.append for column in (samples.start_ns, samples.duration_ns, samples.rows)
        )
        for operation in self._operations:
            call, count = steps[operation.function]
            arguments = operation.arguments
            start = clock()
            if start >= deadline_ns:
                return True
            try:
                answer = await call(*arguments)
            except Exception as error:
                samples.fail(start, clock(), error)
                return False
            end = clock()
            started(start)
            took(end - start)
            counted(count(answer))
            # The ORM would find the objects of a living answer in its identity map, and load none.
            del answer
        raise AssertionError("a cycle ended")
