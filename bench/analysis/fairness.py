"""The fairness card: what each backend does by its defaults, and where their work differs.

Pools, columns, batch sizes and transactions are equal by rule. The rest is each library's default.
The card shows it, so that a difference of work is not read as a difference of speed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.model.case import Case
from bench.model.workload import WORKLOADS
from bench.results.header import Header

POINTS = {
    "rows": "rows are given as",
    "values": "values are given",
    "pool": "sessions come from",
    "prepared": "statements are prepared",
    "default_batch": "batch size by default",
    "writes": "lines of an order are written by",
    "connect": "options set by --connect",
}
"""A point of the card -> its words."""

_MATTERS: Mapping[str, Callable[[Case], bool]] = {
    "rows": lambda case: case.rows == "native" and _gives_rows(case),
    "values": lambda case: case.rows == "native" and _gives_rows(case),
    "pool": lambda case: case.session_scope == "operation",
    "prepared": lambda case: True,
    "default_batch": lambda case: case.fetch.mode != "buffered" and case.fetch.batch_size is None,
    "writes": lambda case: _writes(case),
}
"""A point -> whether it makes a difference in a case."""

_CURES = {
    "rows": "To compare equal rows: --rows dict.",
    "pool": "To leave the pool out: --session-scope task.",
    "default_batch": "To compare equal batches: --fetch streamed:1000.",
}


@dataclass(frozen=True)
class Unlike:
    """A difference of work among backends in one table."""

    point: str
    """The words of the point, from POINTS."""
    ways: Mapping[str, tuple[str, ...]]
    """A way of doing the work -> the backends that use it."""
    cases: int
    """The number of measured cases that it affects."""
    cure: str = ""
    """The option that makes the work equal; empty if there is none."""


def cards(header: Header) -> dict[str, dict[str, str]]:
    """Return backend -> point -> what it does, for backends with a card. Versions are last."""
    found: dict[str, dict[str, str]] = {}
    for name, backend in header.backends.items():
        if backend.card:
            versions = ", ".join(f"{package} {v}" for package, v in backend.versions.items())
            found[name] = backend.card | {"versions": versions}
    return found


def unlike(header: Header, cases: Sequence[Case]) -> list[Unlike]:
    """Return the points in which backends did different work in the measured cases.

    Null backends are left out, because they do no work. So are points in which all backends are
    alike, and points that affect no measured case.
    """
    null = header.null_backends
    found = []
    for point, matters in _MATTERS.items():
        touched = [case for case in cases if matters(case) and case.backend not in null]
        ways: dict[str, list[str]] = {}
        for name in dict.fromkeys(case.backend for case in touched):
            way = header.backend(name).card.get(point)
            if way:
                ways.setdefault(way, []).append(name)
        if len(ways) > 1:
            told = {way: tuple(names) for way, names in ways.items()}
            found.append(Unlike(POINTS[point], told, len(touched), _CURES.get(point, "")))
    return found


def _writes(case: Case) -> bool:
    workload = WORKLOADS.get(case.workload)
    return workload is not None and workload.writes


def _gives_rows(case: Case) -> bool:
    workload = WORKLOADS.get(case.workload)
    return workload is None or workload.streams
