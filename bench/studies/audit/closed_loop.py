"""Closed loops of clients whose true throughput is known, by simulation.

All clients begin together. Each sends its next operation when its last one ends, and sends none
after the deadline: as in a measured round. Times are in seconds.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random
from typing import Literal

Draw = Callable[[], float]
"""Returns the next service time."""

Discipline = Literal["queue", "shared", "bursts", "independent"]
"""`queue`: one server, first in, first out. `shared`: one processor that serves all clients at the
same time, each the slower. `bursts`: one server that serves several operations of a client before
the next client has its turn, as threads hold the GIL. `independent`: a server for each client."""

BURST = 10
"""The operations of a client in one turn, with the discipline `bursts`."""


@dataclass(frozen=True)
class Operation:
    """One operation of a simulated round."""

    start_s: float
    duration_s: float
    client: int


def service(mean_s: float, variation: float, random: Random) -> Draw:
    """Return service times with a mean and a coefficient of variation: a gamma distribution.

    0 is a constant, 1 the exponential distribution.
    """
    if variation == 0:
        return lambda: mean_s
    shape = 1 / variation**2
    return lambda: random.gammavariate(shape, mean_s / shape)


def true_throughput(discipline: Discipline, clients: int, mean_s: float) -> float:
    """Return the operations per second of an endless round."""
    return (clients if discipline == "independent" else 1) / mean_s


def simulate(discipline: Discipline, clients: int, draw: Draw, window_s: float) -> list[Operation]:
    """Return the operations of one round, in the order of their ends or clients."""
    if discipline == "queue":
        return _queue(clients, draw, window_s)
    if discipline == "shared":
        return _shared(clients, draw, window_s)
    if discipline == "bursts":
        return _bursts(clients, draw, window_s)
    return _independent(clients, draw, window_s)


def _independent(clients: int, draw: Draw, window_s: float) -> list[Operation]:
    operations = []
    for client in range(clients):
        now = 0.0
        while now < window_s:
            duration = draw()
            operations.append(Operation(now, duration, client))
            now += duration
    return operations


def _queue(clients: int, draw: Draw, window_s: float) -> list[Operation]:
    operations, free = [], 0.0
    waiting = [(0.0, client) for client in range(clients)]
    while waiting:
        start, client = heappop(waiting)
        free = max(free, start) + draw()
        operations.append(Operation(start, free - start, client))
        if free < window_s:
            heappush(waiting, (free, client))
    return operations


def _bursts(clients: int, draw: Draw, window_s: float) -> list[Operation]:
    operations, now = [], 0.0
    waiting = deque((client, 0.0) for client in range(clients))
    while waiting:
        client, start = waiting.popleft()
        for _ in range(BURST):
            now += draw()
            operations.append(Operation(start, now - start, client))
            start = now
            if now >= window_s:
                break
        else:
            waiting.append((client, start))
    return operations


def _shared(clients: int, draw: Draw, window_s: float) -> list[Operation]:
    # In virtual time every active client is served at speed 1, so that ends never change places.
    operations, now, virtual = [], 0.0, 0.0
    active = [(draw(), client, 0.0) for client in range(clients)]
    active.sort()
    while active:
        end, client, start = heappop(active)
        now += (end - virtual) * (len(active) + 1)
        virtual = end
        operations.append(Operation(start, now - start, client))
        if now < window_s:
            heappush(active, (virtual + draw(), client, now))
    return operations
