"""The cases whose round trips are counted: each case of a run, with a single client."""

from collections.abc import Iterable, Mapping

from accessors import DiscoveredBackend
from bench.model.case import Case
from bench.model.plan import asks_a_server

PROBE = "round trips"


def lone(case: Case) -> Case:
    """Return a case of one client with what decides its messages to the server, and nothing else.

    The count is exact only for a lone client: the messages of several are mixed. Cases that differ
    in the allocator's state, for example, are counted once.
    """
    return Case(
        case.backend,
        case.workload,
        case.fetch,
        session_scope=case.session_scope,
        transactions=case.transactions,
        rows=case.rows,
        loop=case.loop,
        size=case.size,
        connect=case.connect,
    )


def probes_of_run(
    cases: Iterable[Case], backends: Mapping[str, DiscoveredBackend]
) -> dict[str, tuple[Case, ...]]:
    """Return the cases to count. A backend that answers from memory has no round trips."""
    asking = (case for case in cases if asks_a_server(case, backends))
    chosen = dict.fromkeys(lone(case) for case in asking if not case.large)
    return {PROBE: tuple(chosen)}
