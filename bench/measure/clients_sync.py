"""The measuring loop of one client that is a thread. Its twin, for tasks, is `clients_async`.

An operation begun before the deadline is finished and kept as a sample. The statistics decide how
much of it counts. A failed operation is a sample too, and its session is replaced.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from time import perf_counter_ns, sleep
from typing import Any

from accessors.api import Accessor, Backend
from bench.measure.consumer import Consumer, Streamed, counter, new_consumer
from bench.measure.fetch_calls import call_of
from bench.measure.start_barrier import ThreadStartBarrier
from bench.measure.steps import Bound, Steps
from bench.model.case import Case
from bench.model.workload import Operation, first_of_round
from bench.results.recording import LOOK_NS, SampleRecorder

Call = Callable[..., Any]

AGAIN_NS = 1_000_000
"""The time in which a second operation of a warm-up has to begin."""

AFTER_FAILURE_S = 0.01
"""Pause before the next session, so that a dead server does not make the client spin."""


def perform(accessor: Accessor, backend: Backend, case: Case, function: str) -> Call:
    """Return the call of one function on one session, with the case's fetch.

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


class HeldSession:
    """The session of one client: opened when it is first needed, kept until it is dropped.

    All calls have to be made by the client's own thread.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._context: AbstractContextManager[Accessor] | None = None
        self._accessor: Accessor | None = None

    def get(self) -> Accessor:
        """Return the session. Raises the library's own error if it cannot be opened."""
        if self._accessor is None:
            context = self._backend.accessor()
            self._accessor = context.__enter__()
            self._context = context
        return self._accessor

    def drop(self) -> None:
        """Close the session if it is open."""
        context, self._context, self._accessor = self._context, None, None
        if context is not None:
            context.__exit__(None, None, None)


class Client:
    """One client of a case: its operations, and the recorder of its samples."""

    def __init__(
        self,
        backend: Backend,
        case: Case,
        operations: tuple[Operation, ...],
        warm_up: tuple[Operation, ...] = (),
        think_s: float = 0.0,
    ) -> None:
        self.recorder = SampleRecorder()
        self._backend = backend
        self._case = case
        self._operations = operations
        self._warm_up = warm_up
        self._think_s = think_s
        self._functions = {operation.function for operation in operations}
        self._counted = not self._functions.isdisjoint(backend.shapes)
        self._first = self._begun = 0

    def begin_round(self, number: int) -> None:
        """Begin the next turn elsewhere in the operations: a window may see only a few of them."""
        self._first = first_of_round(number, len(self._operations))

    def work(self, barrier: ThreadStartBarrier, session: HeldSession) -> None:
        """Get the session, warm up, wait at the start barrier, measure until the deadline.

        Raises the error of a session that cannot be opened. After the start barrier, every error
        is a sample.
        """
        self.recorder.clear()
        self._begun = self._first
        started = reached = False
        try:
            accessor = self._accessor(session)
            steps = self.steps(accessor)
            easy = self.steps(accessor, self._warm_up) if self._warm_up else steps
            barrier.opened.wait()
            intact = self.measure(easy, barrier.warm_until_ns)
            if intact and barrier.seeks_latency and not self._warm_up:
                if len(self.recorder) == 1:  # a first operation may prepare its statement
                    again_until_ns = perf_counter_ns() + AGAIN_NS
                    intact = self.measure(easy, again_until_ns)
                barrier.laps_ns += self.recorder.laps_ns()
            self._begun += len(self.recorder)
            self.recorder.clear()
            barrier.start.wait()
            started = True
            reached = intact and self.measure(steps, barrier.deadline_ns)
            if not reached:
                session.drop()
        except Exception:
            if not started:
                raise
        while not reached:
            sleep(AFTER_FAILURE_S)
            reached = self._measure_anew(barrier.deadline_ns, session)

    def _accessor(self, session: HeldSession) -> Accessor | None:
        return None if self._case.session_scope == "operation" else session.get()

    def steps(self, accessor: Accessor | None, operations: tuple[Operation, ...] = ()) -> Steps:
        """Return the operations, or those that are left, as calls on the session, without end."""
        backend, case, first_rows_ns = self._backend, self._case, self.recorder.first_rows_ns
        bound: dict[str, Bound] = {}
        # A warm-up on fewer rows may be of another function.
        for function in {operation.function for operation in operations} or self._functions:
            if accessor is None:
                call = _in_own_session(backend, case, function)
            else:
                call = perform(accessor, backend, case, function)
            count = counter(backend, case, function, first_rows_ns) if self._counted else None
            bound[function] = (call, count)
        return Steps(operations or self._left(), bound)

    def _left(self) -> tuple[Operation, ...]:
        begun = (self._begun + len(self.recorder)) % len(self._operations)
        return self._operations[begun:] + self._operations[:begun]

    def _measure_anew(self, deadline_ns: int, session: HeldSession) -> bool:
        measured = False
        start = perf_counter_ns()
        try:
            accessor = self._accessor(session)
            reached = self.measure(self.steps(accessor), deadline_ns)
            measured = True
            if not reached:
                session.drop()
            return reached
        except Exception as error:
            if not measured:
                self._fail(start, error)
            return perf_counter_ns() >= deadline_ns

    def measure(self, steps: Steps, deadline_ns: int) -> bool:
        """Perform steps; return True at the deadline, False when an operation failed."""
        if self._counted or self._think_s:
            return self._measure_rows(steps, deadline_ns)
        return self._measure_values(steps, deadline_ns)

    def _measure_values(self, steps: Steps, deadline_ns: int) -> bool:
        """Perform steps that return single values: each begins when the one before has ended.

        One reading of the clock is the end of one and the start of the next. A second reading and
        a second record would add 2 % to the CPU time of a point read. The last starts are recorded
        after the meter has stopped, because no sample has that time.
        """
        clock, recorder = perf_counter_ns, self.recorder
        ends = recorder.ends
        while (start := clock()) < deadline_ns:
            recorder.begin(start)
            look_ns = min(deadline_ns, start + LOOK_NS)
            try:
                if steps.lone:
                    call, values = steps.lone
                    for value in values:
                        call(value)
                        end = clock()
                        ends.append(end)
                        if end >= look_ns:
                            break
                else:
                    for (call, _), arguments in steps:
                        call(*arguments)
                        end = clock()
                        ends.append(end)
                        if end >= look_ns:
                            break
            except Exception as error:
                self._fail(recorder.follow(), error)
                return False
            if end < deadline_ns:
                recorder.follow()
                recorder.hand_over_many(self._case.concurrency)
        return True

    def _measure_rows(self, steps: Steps, deadline_ns: int) -> bool:
        """Perform steps that return rows, or with pauses: these, as counting and freeing the rows,
        are part of no latency.
        """
        clock, recorder = perf_counter_ns, self.recorder
        starts, ends, rows = recorder.starts.append, recorder.ends.append, recorder.rows.append
        look_ns = min(deadline_ns, clock() + LOOK_NS)
        think_s = self._think_s
        for (call, count), arguments in steps:
            start = clock()
            if start >= look_ns:
                if start < deadline_ns:  # between two operations, off the clock of both
                    recorder.hand_over_many(self._case.concurrency)
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
            # Freeing it is not part of a latency; the CPU time and the window have it.
            del answer
            if think_s:
                sleep(min(think_s, max(0, deadline_ns - end) / 1e9))
        raise AssertionError("a cycle ended")

    def _fail(self, start: int, error: Exception) -> None:
        streamed = self._case.fetch.mode != "buffered"
        end = perf_counter_ns()
        self.recorder.fail(start, end, error, counted=self._counted, streamed=streamed)
