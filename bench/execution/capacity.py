"""The number of connections that a run needs."""

from bench.model.run_config import RunConfig


def most_connections(config: RunConfig) -> int:
    """Return the most connections that a backend or the verification has open at once.

    A backend that answers from memory has none.
    """
    needed = [0]
    for case in config.plan.everything:
        backend = config.backends[case.backend].backend
        if backend is None or not backend.in_memory:
            needed.append(case.connections)
    if config.verify:  # all backends read at the same time
        needed.append(len(config.backends))
    return max(needed)
