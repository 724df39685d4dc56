"""The number of connections that a run needs."""

from collections.abc import Iterable

from bench.model.case import Case
from bench.model.run_config import RunConfig


def most_connections(config: RunConfig) -> int:
    """Return the most connections that a backend or the verification has open at once.

    A backend that answers from memory has none.
    """
    needed = [0]
    for case in config.plan.everything:
        backend = config.backends[case.backend].backend
        clients = case.connections if backend is None or not backend.in_memory else 0
        needed.append(clients + barrier_connections([case]))
    needed = [number + pooler_connections(config.plan.everything) for number in needed]
    if config.verify:  # all backends read at the same time
        needed.append(len(config.backends))
    return max(needed)


def pooler_connections(cases: Iterable[Case]) -> int:
    """Return the server connections that the run's own PgBouncers keep: one for each size."""
    return sum({case.pool.pooler_size or 0 for case in cases})


def barrier_connections(cases: Iterable[Case]) -> int:
    """Return the connections of the start barrier: one of each process, and one of the command.

    A case of one process has none.
    """
    most = max((case.processes for case in cases), default=1)
    return most + 1 if most > 1 else 0
