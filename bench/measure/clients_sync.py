"""The measuring loop of one thread of the crowd. Its twin, for tasks, is `clients_async`.

An operation begun before the deadline is finished and kept as a sample; how much of it counts is
for the statistics to say. A failed operation is a sample too, and its session is replaced.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import cycle
from time import perf_counter_ns, sleep
from typing import Any

from accessors.api import Accessor, Backend
from bench.measure.consumer import Consumer, Streamed, counter, new_consumer
from bench.measure.fetch_calls import call_of
from bench.measure.start_barrier import ThreadStartBarrier
from bench.model.case import Case
from bench.model.workload import Operation
from bench.results.recording import LOOK_NS, SampleRecorder

Call = Callable[..., Any]
Bound = tuple[Call, Callable[[Any], int] | None]
"""A call, and how to count what it returns (None in a workload without rows)."""

Step = tuple[Bound, tuple[Any, ...]]
"""What to call, with which arguments."""

AFTER_FAILURE_S = 0.01
"""How long to wait before the next session: a dead server is no reason to spin."""


def perform(accessor: Accessor, backend: Backend, case: Case, function: str) -> Call:
    """One function on one session, in the case's way of fetching.

    A buffered call without more is the accessor's own method: no layer in between.
    """
    method: Call = getattr(accessor, function)
    if function not in backend.shapes:
        return method
    new = new_consumer(backend, case, function)
    if case.fetch.mode == "buffered":
        return method if case.rows == "native" else _consumed(method, new)
    stream = call_of(accessor, function, case.fetch)
    return _batched(stream, new) if case.fetch.mode == "batched" else _streamed(stream, new)


def _consumed(method: Call, new: Callable[[], Consumer]) -> Call:
    def call(*arguments: Any) -> int:
        return new()(method(*arguments))

    return call


def _streamed(stream: Callable[..., Any], new: Callable[[], Consumer]) -> Call:
    def call(*arguments: Any) -> Streamed:
        consume = new()
        count = first_row_ns = 0
        start = perf_counter_ns()
        with stream(*arguments) as found:
            rows = iter(found)
            for row in rows:
                first_row_ns = perf_counter_ns() - start
                count = consume((row,))
                break
            # The loop of a plain row is the shortest there is: it runs 100,000 times.
            if consume is len:
                for _ in rows:
                    count += 1
            else:
                for row in rows:
                    count += consume((row,))
        return Streamed(count, first_row_ns)

    return call


def _batched(stream: Callable[..., Any], new: Callable[[], Consumer]) -> Call:
    def call(*arguments: Any) -> Streamed:
        consume = new()
        count = first_row_ns = 0
        start = perf_counter_ns()
        with stream(*arguments) as batches:
            for batch in batches:
                if not count:
                    first_row_ns = perf_counter_ns() - start
                count += consume(batch)
        return Streamed(count, first_row_ns)

    return call


def _in_own_session(backend: Backend, case: Case, function: str) -> Call:
    def call(*arguments: Any) -> Any:
        with backend.accessor() as accessor:
            return perform(accessor, backend, case, function)(*arguments)

    return call


class Clients:
    """One thread of the crowd: its operations, its sessions, what it notes."""

    def __init__(
        self,
        backend: Backend,
        case: Case,
        operations: tuple[Operation, ...],
        warm_up: tuple[Operation, ...] = (),
    ) -> None:
        self.tally = SampleRecorder()
        self._backend = backend
        self._case = case
        self._operations = operations
        self._warm_up = warm_up
        self._functions = {operation.function for operation in operations}
        self._counted = not self._functions.isdisjoint(backend.shapes)
        self._begun = 0

    def work(self, course: ThreadStartBarrier) -> None:
        """Open a session, warm up, wait at the start line, measure until the deadline.

        Raises what opening the first session raises; from the start line on, all is a sample.
        """
        started = reached = False
        try:
            with self._session() as accessor:
                steps = self.steps(accessor)
                easy = self.steps(accessor, self._warm_up) if self._warm_up else steps
                course.opened.wait()
                intact = self.measure(easy, course.warm_until_ns)
                self._begun += len(self.tally)
                self.tally.clear()
                course.start.wait()
                started = True
                reached = intact and self.measure(steps, course.deadline_ns)
        except Exception:
            if not started:
                raise
        while not reached:
            sleep(AFTER_FAILURE_S)
            reached = self._measure_anew(course.deadline_ns)

    def _session(self) -> AbstractContextManager[Accessor | None]:
        per_operation = self._case.session_scope == "operation"
        return nullcontext() if per_operation else self._backend.accessor()

    def steps(
        self, accessor: Accessor | None, operations: tuple[Operation, ...] = ()
    ) -> Iterator[Step]:
        """These, or what is left to do, bound to this session; begins anew when it runs out."""
        backend, case, first_rows_ns = self._backend, self._case, self.tally.first_rows_ns
        bound: dict[str, Bound] = {}
        for function in self._functions:
            if accessor is None:
                call = _in_own_session(backend, case, function)
            else:
                call = perform(accessor, backend, case, function)
            count = counter(backend, case, function, first_rows_ns) if self._counted else None
            bound[function] = (call, count)
        left = operations or self._left()
        # Two cycles of what is there already: a tuple a step costs a cache miss each, one percent.
        calls = cycle([bound[operation.function] for operation in left])
        return zip(calls, cycle([operation.arguments for operation in left]))

    def _left(self) -> tuple[Operation, ...]:
        begun = (self._begun + len(self.tally)) % len(self._operations)
        return self._operations[begun:] + self._operations[:begun]

    def _measure_anew(self, deadline_ns: int) -> bool:
        measured = False
        start = perf_counter_ns()
        try:
            with self._session() as accessor:
                reached = self.measure(self.steps(accessor), deadline_ns)
                measured = True
                return reached
        except Exception as error:
            if not measured:
                self._fail(start, error)
            return perf_counter_ns() >= deadline_ns

    def measure(self, steps: Iterator[Step], deadline_ns: int) -> bool:
        """True when the deadline was reached, False when an operation failed."""
        clock, tally = perf_counter_ns, self.tally
        starts, ends, rows = tally.starts.append, tally.ends.append, tally.rows.append
        look_ns = min(deadline_ns, clock() + LOOK_NS)
        for (call, count), arguments in steps:
            start = clock()
            if start >= look_ns:
                if start < deadline_ns:  # between two operations, off the clock of both
                    tally.hand_over_many(self._case.concurrency)
                    start = clock()
                    look_ns = min(deadline_ns, start + LOOK_NS)
                if start >= deadline_ns:
                    return True
            try:
                answer = call(*arguments)
            except Exception as error:
                self._fail(start, error)
                return False
            end = clock()
            starts(start)
            ends(end)
            if count:
                rows(count(answer))
            # The ORM would find the objects of a living answer in its identity map, and load none.
            del answer
        raise AssertionError("a cycle ended")

    def _fail(self, start: int, error: Exception) -> None:
        streamed = self._case.fetch.mode != "buffered"
        end = perf_counter_ns()
        self.tally.fail(start, end, error, counted=self._counted, streamed=streamed)
