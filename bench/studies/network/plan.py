"""The cases whose round trips are counted: each case of a run, with a single client."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from accessors import Found
from bench.model.case import Case
from bench.model.link import Link

PROBE = "round trips"


def lone(case: Case) -> Case:
    """Return the case with one client, and without what changes no message to the server:
    the allocator's state too, or a case of both states would be counted twice.

    The count is exact only for a lone client: the messages of several are mixed.
    """
    return replace(case, concurrency=1, twin=False, frozen=False, link=Link(), allocator="warmed")


def probes_of_run(
    cases: Iterable[Case], backends: Mapping[str, Found]
) -> dict[str, tuple[Case, ...]]:
    """Return the cases to count. A backend that answers from memory has no round trips."""

    def asks_a_server(case: Case) -> bool:
        backend = backends[case.backend].backend
        return backend is not None and not backend.in_memory

    chosen = dict.fromkeys(lone(case) for case in cases if asks_a_server(case) and not case.large)
    return {PROBE: tuple(chosen)}
