"""The connections that a run needs, and those that its clients may keep open."""

import logging
from collections.abc import Iterable, Sequence
from functools import partial

from bench.execution.schedule import most_held
from bench.model.case import Case
from bench.model.run_config import RunConfig
from bench.server.connection_limits import ConnectionLimit, cure, tightest
from bench.server.database import Database
from bench.server.embedded import EmbeddedServer, default_folder
from bench.server.pooler import Pooler

log = logging.getLogger(__name__)

SPARE_CONNECTIONS = 3
"""Connections beside those of the clients and of the lock, for inspecting the server in a run."""


def most_connections(config: RunConfig) -> int:
    """Return the most connections that a backend or the verification has open at once.

    A backend that answers from memory has none.
    """
    cases = config.plan.everything
    needed = [connections_of(config, case) + barrier_connections([case]) for case in cases]
    most = max(needed, default=0) + pooler_connections(cases)
    # In a verification, all backends read at the same time.
    return max(most, len(config.backends)) if config.verify else most


def connections_of(config: RunConfig, case: Case) -> int:
    """Return the connections of a case's clients: none if its backend answers from memory."""
    backend = config.backends[case.backend].backend
    return 0 if backend is not None and backend.in_memory else case.connections


def kept_of_pooler(config: RunConfig, pooler: Pooler) -> int:
    """Return the most server connections that clients keep of the pooler at once.

    In session mode each client keeps one. In transaction mode those do whose session lasts as long
    as its task, and begins a transaction by itself: it ends with the session.
    """
    if not pooler.shares:
        return most_connections(config)
    keeping = (
        connections_of(config, case)
        for case in config.plan.everything
        if case.transactions == "implicit" and case.session_scope == "task"
    )
    return max(keeping, default=0)


def pooler_connections(cases: Iterable[Case]) -> int:
    """Return the server connections that the run's own PgBouncers keep: one for each size."""
    return sum({case.pool.pooler_size or 0 for case in cases})


def barrier_connections(cases: Iterable[Case]) -> int:
    """Return the connections of the start barrier: one of each process, and one of the command.

    A case of one process has none.
    """
    most = max((case.processes for case in cases), default=1)
    return most + 1 if most > 1 else 0


def most_open(
    config: RunConfig, database: Database, server_pid: int | None, pooler: Pooler | None
) -> int:
    """Return the connections that the clients of all worker processes may keep open together.

    Log it if those of the cases that are compared do not stay open, for want of connections. A
    server elsewhere may be a pooler, which lets clients wait. In session mode, clients that rest
    between their turns would hold all connections of its pool. So only as many are kept there as
    the largest case needs. `server_pid`: None for a server elsewhere.
    """
    cases = config.plan.cases
    needed = partial(connections_of, config)
    most = max(map(needed, cases), default=0)
    if server_pid is None or (pooler is not None and not pooler.shares):
        return most
    spare = SPARE_CONNECTIONS + barrier_connections(cases) + pooler_connections(cases)
    limits = database.connection_limits()
    if pooler is None:
        embedded = server_pid == EmbeddedServer(default_folder()).status().pid
        held = most_held(cases, needed)
        if note := clients_connect_anew(held, spare, limits, embedded=embedded):
            log.warning(note)
    return max(most, tightest(limits).free - spare)


def clients_connect_anew(
    held: int, spare: int, limits: Sequence[ConnectionLimit], *, embedded: bool
) -> str:
    """Return that clients connect anew for each turn, and what would keep them open.

    The text is empty if they stay open. `held`: the connections of the clients of all cases that
    are compared with each other. `spare`: those that have to be free beside them. The embedded
    server's limit is not the user's to set.
    """
    free = tightest(limits).free - spare
    if held <= free:
        return ""
    advice = "compare fewer backends" if embedded else cure(limits, held + spare)
    return (
        f"clients connect anew for each turn: those of all compared cases take {held} connections,"
        f" and {max(0, free)} are free for them. To keep them open, {advice},"
        " or lower --concurrency."
    )
