"""The open loop of one client that is a thread. Its twin, for tasks, is `open_clients_async`.

An operation starts when it is due, or when a client is free for it. It is a loop of its own, so
that the closed loop does no more than before. docs/arrival-rate.md explains the times.
"""

from time import perf_counter_ns, sleep

from bench.measure.arrivals import Due
from bench.measure.clients_sync import AFTER_FAILURE_S, Client, HeldSession
from bench.measure.start_barrier import ThreadStartBarrier
from bench.measure.steps import Steps
from bench.results.recording import LOOK_NS


class OpenClient(Client):
    """One of the clients that serve the arrivals of a case."""

    def work(self, barrier: ThreadStartBarrier, session: HeldSession) -> None:
        """Get the session, warm up, wait at the start barrier, serve the lead-in and the window.

        Raises the error of a session that cannot be opened. After the start barrier, every error
        is a sample.
        """
        arrivals = barrier.arrivals
        assert arrivals is not None, "an open loop has arrivals"
        self.recorder.clear()
        self._begun = self._first
        accessor = self._accessor(session)
        # Without arrivals at first: each client prepares its own statements.
        warm = self.steps(accessor, self._warm_up)
        barrier.opened.wait()
        intact = self.measure(warm, barrier.warm_until_ns)
        self._begun += len(self.recorder)
        self.recorder.clear()
        barrier.start.wait()
        if not intact:
            self._give_back(session)
        self._serve_all(arrivals.lead_in, session)
        carried = sum(end >= arrivals.start_ns for end in self.recorder.ends)
        self._begun += len(self.recorder)
        self.recorder.clear()
        arrivals.reach_window(carried)
        self._serve_all(arrivals.window, session)

    def _serve_all(self, due: Due, session: HeldSession) -> None:
        """Serve until no arrival is left. An operation that fails costs its session."""
        while not self._served(due, session):
            self._give_back(session)
            sleep(AFTER_FAILURE_S)

    def _served(self, due: Due, session: HeldSession) -> bool:
        try:
            steps = self.steps(self._accessor(session))
        except Exception as error:
            if (when := due.take(perf_counter_ns())) is None:
                return True
            # It has the error, when its time has come.
            free = perf_counter_ns()
            if free < when:
                sleep((when - free) / 1e9)
            self._fail_due(when, free, error)
            return False
        return self.serve(due, steps)

    def serve(self, due: Due, steps: Steps) -> bool:
        """Serve arrivals; return True when none is left, False when an operation failed."""
        clock, recorder, stop_ns = perf_counter_ns, self.recorder, due.stop_ns
        starts, ends, rows = recorder.starts.append, recorder.ends.append, recorder.rows.append
        intended, frees = recorder.due.append, recorder.free.append
        look_ns = min(stop_ns, clock() + LOOK_NS)
        for when, ((call, count), arguments) in zip(iter(due.next, None), steps, strict=False):
            free = clock()
            if free >= look_ns:  # between two operations
                if free >= stop_ns:
                    due.leave()
                    continue
                recorder.hand_over_many(self._case.concurrency)
                free = clock()
                look_ns = min(stop_ns, free + LOOK_NS)
            if free < when:
                sleep((when - free) / 1e9)
            start = clock()
            try:
                answer = call(*arguments)
            except Exception as error:
                self._fail_due(when, free, error, start)
                return False
            end = clock()
            starts(start)
            ends(end)
            intended(when)
            frees(free)
            if count:
                rows(count(answer))
            # The ORM would find the objects of a living answer in its identity map, and load none.
            del answer
        return True

    def _fail_due(self, due: int, free: int, error: Exception, start: int = 0) -> None:
        self._fail(start or max(due, free), error)
        self.recorder.due.append(due)
        self.recorder.free.append(free)

    def _give_back(self, session: HeldSession) -> None:
        try:
            session.drop()
        except Exception:
            return  # a session that cannot be closed is gone all the same
