"""The fairness card: what each backend does by its own rules, and where that is unlike work.

Law: pools, columns, batch sizes and transactions are equal; the rest is each library's default,
and shown, so that nobody takes a difference of work for a difference of speed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.model.case import Case
from bench.model.workload import WORKLOADS
from bench.results.header import Header

POINTS = {
    "rows": "rows are given as",
    "pool": "sessions come from",
    "prepared": "statements are prepared",
    "default_batch": "batch size by default",
    "writes": "lines of an order are written by",
}
"""A point of the card -> how it reads."""

_MATTERS: Mapping[str, Callable[[Case], bool]] = {
    "rows": lambda case: case.rows == "native" and _gives_rows(case),
    "pool": lambda case: case.session_scope == "operation",
    "prepared": lambda case: True,
    "default_batch": lambda case: case.fetch.mode != "buffered" and case.fetch.batch_size is None,
    "writes": lambda case: _writes(case),
}
"""In which cases a point makes a difference."""

_CURES = {
    "rows": "To compare equal rows: --rows dict.",
    "pool": "To leave the pool out: --session-scope task.",
    "default_batch": "To compare equal batches: --fetch streamed:1000.",
}


@dataclass(frozen=True)
class Unlike:
    """Work that was not alike among backends which stand in one table."""

    point: str
    """How it reads, as in POINTS."""
    ways: Mapping[str, tuple[str, ...]]
    """What was done -> the backends that did so."""
    cases: int
    """How many of the measured cases it touches."""
    cure: str = ""
    """What to type for equal work; empty where there is nothing."""


def cards(header: Header) -> dict[str, dict[str, str]]:
    """Backend -> point -> what it does, of the backends that say something. Versions are last."""
    found: dict[str, dict[str, str]] = {}
    for name, backend in header.backends.items():
        if backend.card:
            versions = ", ".join(f"{package} {v}" for package, v in backend.versions.items())
            found[name] = backend.card | {"versions": versions}
    return found


def unlike(header: Header, cases: Sequence[Case]) -> list[Unlike]:
    """Where backends did unlike work in cases that were measured.

    The floor is left out: it does no work. So are points in which all are alike, and those that
    no measured case depends on.
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
