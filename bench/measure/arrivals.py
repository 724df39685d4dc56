"""The arrivals of one turn at a rate: a seeded schedule that all clients of the turn share.

Where several processes share a case, the schedule is that of all together. An arrival is dealt to a
process beforehand, and waits there: processes have no queue in common.
"""

import random
import threading
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, compress, cycle
from time import perf_counter_ns

from bench.measure.job import Job
from bench.model.case import Case
from bench.model.rate import ArrivalPattern, grace_s, lead_in_s
from bench.results.entries import Arrived

NS_PER_S = 1_000_000_000


class Due:
    """The arrivals of a lead-in or of a window, in order, for all clients.

    A client takes the next one when it is free, so that operations begin in the order of their
    arrival. `deque.popleft` is atomic, also without the GIL.
    """

    def __init__(self, due_ns: Sequence[int], clients: int, stop_ns: int) -> None:
        """`due_ns`: clock readings. From the reading `stop_ns` on, no operation begins."""
        # Each client takes one None: the end.
        arrivals: deque[int | None] = deque([*due_ns, *[None] * clients])
        self.next = arrivals.popleft
        """Return the clock reading at which the next operation is to start; None at the end."""
        self.stop_ns = stop_ns
        self.offered = len(due_ns)
        self._unserved: deque[None] = deque()

    def leave(self) -> None:
        """Count an arrival that no client could begin in time."""
        self._unserved.append(None)

    def take(self, now_ns: int) -> int | None:
        """Return the next arrival; None at the end. After `stop_ns`, leave all others."""
        while (when := self.next()) is not None and now_ns >= self.stop_ns:
            self.leave()
        return when

    @property
    def unserved(self) -> int:
        """The number of arrivals that no client could begin in time."""
        return len(self._unserved)


def schedule(rate: int, pattern: ArrivalPattern, seconds: float, seed: str) -> "array[int]":
    """Return the times of arrivals from 0 to `seconds`, in ns and in order; `rate` a second.

    The same arguments give the same arrivals.
    """
    draw = random.Random(seed)
    mean_ns = NS_PER_S / rate
    if pattern == "uniform":
        # The first is at a random time, so that windows do not all begin with an arrival.
        first, amount = draw.random() * mean_ns, int(seconds * rate) + 1
        times = [first + number * mean_ns for number in range(amount)]
    else:
        times, now = [], draw.expovariate(1) * mean_ns
        while now < seconds * NS_PER_S:
            times.append(now)
            now += draw.expovariate(1) * mean_ns
    return array("q", [round(time) for time in times if time < seconds * NS_PER_S])


def processes_of(case: Case, arrivals: int, seed: str) -> Iterator[int]:
    """Yield the number of the process that serves each of so many arrivals.

    Each process has the share of its clients. Poisson arrivals are dealt by chance, as independent
    users meet the workers of an application: what a process gets is then a Poisson process, too
    (the colouring theorem; Kingman, *Poisson Processes*, 1993, section 5.1). Uniform ones are dealt
    in turn. The same arguments give the same processes.
    """
    shares = [len(case.clients_of(process)) for process in range(case.processes)]
    if case.arrivals == "poisson":
        draw = random.Random(f"{seed}/processes")
        limits = list(accumulate(shares))
        yield from draw.choices(range(case.processes), cum_weights=limits, k=arrivals)
        return
    # With 1 and 2 clients: the second process, the first, the second.
    places = [
        ((number + 0.5) / share, process)
        for process, share in enumerate(shares)
        for number in range(share)
    ]
    in_turn = cycle([process for _, process in sorted(places)])
    for _ in range(arrivals):
        yield next(in_turn)


class Arrivals:
    """The arrivals of a turn in this process: those of the lead-in, then those of the window."""

    def __init__(self, job: Job, at_window: Callable[[], object]) -> None:
        """`at_window` is called once, by the first client that has reached the window."""
        case = job.case
        assert case.rate is not None, "a closed loop has no arrivals"
        self._lead_in_ns = round(lead_in_s(job.seconds) * NS_PER_S)
        self._window_ns = round(job.seconds * NS_PER_S)
        self._grace_ns = round(grace_s(job.seconds) * NS_PER_S)
        # Every backend has the same arrivals in a round: differences are paired.
        seed = f"{job.dataset.seed}/{case.rate}/{case.arrivals}/{job.round}"
        seconds = (self._lead_in_ns + self._window_ns) / NS_PER_S
        self._times: Sequence[int] = schedule(case.rate, case.arrivals, seconds, seed)
        if job.part and case.processes > 1:
            dealt = processes_of(case, len(self._times), seed)
            own = [process == job.part.process for process in dealt]
            self._times = list(compress(self._times, own))
        self._clients = clients = len(job.clients)
        self._at_window = at_window
        self._lock = threading.Lock()
        self._reached = False
        self._carried = 0
        self.lead_in = self.window = Due((), clients, 0)
        self.start_ns = 0
        """Clock reading at the start of the window."""

    def begin(self, now_ns: int | None = None) -> None:
        """Start the schedule at this reading of the clock; by default now."""
        now = perf_counter_ns() if now_ns is None else now_ns
        self.start_ns = start = now + self._lead_in_ns
        due = [now + time for time in self._times]
        before = bisect_left(due, start)
        # Where the lead-in cannot be served, the window must not be lost to it.
        self.lead_in = Due(due[:before], self._clients, start + self._window_ns // 2)
        self.window = Due(due[before:], self._clients, start + self._window_ns + self._grace_ns)

    def reach_window(self, carried: int) -> None:
        """Note that a client is done with the lead-in.

        `carried`: its operations of the lead-in that ended in the window.
        """
        with self._lock:
            self._carried += carried
            first, self._reached = not self._reached, True
        if first:
            self._at_window()

    @property
    def arrived(self) -> Arrived:
        """The arrivals of the window, after the turn."""
        return Arrived(self.window.offered, self.window.unserved, self._carried)
