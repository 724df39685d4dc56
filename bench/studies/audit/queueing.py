"""Queues with a known mean wait, and a simulation of them by the arrivals of a real turn.

Theory: Kleinrock, *Queueing Systems, Volume 1*, Wiley 1975: M/M/m with Erlang's C formula in
section 3.5, M/G/1 with the formula of Pollaczek and Khinchin in section 5.6.
"""

from collections.abc import Callable, Iterable
from heapq import heapify, heapreplace

from bench.measure.arrivals import Due


def waits_ns(due_ns: Iterable[int], servers: int, service_ns: Callable[[], int]) -> list[int]:
    """Return the wait of each arrival for a free server.

    Arrivals are taken as clients take them: a server that is free takes the next one.
    """
    arrivals = list(due_ns)
    due = Due(arrivals, 1, 2**62)
    free = [0] * servers
    heapify(free)
    waits = []
    while (when := due.next()) is not None:
        earliest = free[0]
        start = max(when, earliest)
        waits.append(start - when)
        heapreplace(free, start + service_ns())
    return waits


def erlang_c(servers: int, load: float) -> float:
    """Return the probability that an arrival waits in M/M/m. `load`: rate times service time."""
    blocking = 1.0
    for server in range(1, servers + 1):
        blocking = load * blocking / (server + load * blocking)
    share = load / servers
    return blocking / (1 - share * (1 - blocking))


def wait_of_m_m_c(rate_per_s: float, service_s: float, servers: int) -> float:
    """Return the mean wait in seconds: Poisson arrivals, exponential service times."""
    load = rate_per_s * service_s
    return erlang_c(servers, load) * service_s / (servers - load)


def wait_of_m_d_1(rate_per_s: float, service_s: float) -> float:
    """Return the mean wait in seconds: Poisson arrivals, one server, equal service times."""
    load = rate_per_s * service_s
    return load * service_s / (2 * (1 - load))
