"""The differences between the environments of runs: versions, server, machine, dataset, options."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.results.header import Header

_OPTIONS = (
    *("profile", "rounds", "seconds", "budget_s", "warm_up_s", "load_model", "pinned"),
    "session_guard",
)
_WITHOUT = {"pinned": "not pinned", "budget_s": "none", "session_guard": "no"}
"""Option -> the words for a run without it."""
_NOT_OURS = ("environment.host.load_1min", "environment.server.url")
"""Facts that always differ, or that are private."""
_SINCE_FORMAT_3 = {"host.cpu_generation", "session_guard"}
"""Facts that older files do not have. A missing value is no difference."""
_STATEMENT = "statement of "
"""Begins the name of the text of a workload file. A run without the workload has no value."""


@dataclass(frozen=True)
class EnvironmentDifference:
    """Something that is not the same in all runs."""

    what: str
    """The name in `docs/results-format.md`, without the common part."""
    values: tuple[Any, ...]
    """One value a run; None if the run does not have it."""

    def __str__(self) -> str:
        unknown = _WITHOUT.get(self.what, "-")
        shown = (unknown if value in (None, ()) else _shown(value) for value in self.values)
        return f"{self.what}: {' -> '.join(shown)}"


def differences(headers: Sequence[Header]) -> list[EnvironmentDifference]:
    """Return all differences, the most important first.

    The order is dataset, options, server, machine, versions.
    """
    by_run = [dict(_facts(header)) for header in headers]
    names = dict.fromkeys(name for facts in by_run for name in facts)
    found = [
        EnvironmentDifference(name, tuple(facts.get(name) for facts in by_run)) for name in names
    ]
    return [fact for fact in found if len({repr(value) for value in _values(fact)}) > 1]


def _values(difference: EnvironmentDifference) -> list[Any]:
    newer = difference.what in _SINCE_FORMAT_3 or difference.what.startswith(_STATEMENT)
    return [value for value in difference.values if value is not None or not newer]


def _facts(header: Header) -> Iterator[tuple[str, Any]]:
    dataset, environment = header.dataset, header.environment
    yield from ((f"dataset.{name}", getattr(dataset, name)) for name in ("scale", "seed", "digest"))
    yield from ((name, getattr(header, name)) for name in _OPTIONS)
    for name, facts in header.statements.items():
        if facts.files:
            digest = hashlib.sha256(" ".join(facts.sql.split()).encode()).hexdigest()[:6]
            yield f"{_STATEMENT}{name}", f"{facts.description} ({digest})"
    yield from _flat("server", asdict(environment.server), "environment.server")
    yield from _flat("host", asdict(environment.host), "environment.host")
    for name in ("python", "implementation", "gil", "gatherbench"):
        yield name, getattr(environment, name)
    yield "git.revision", environment.git.revision if environment.git else None
    for package, version in sorted(header.packages.items()):
        yield f"version of {package}", version


def _flat(name: str, value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if path in _NOT_OURS:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}", inner, f"{path}.{key}")
    else:
        yield name, value


def _shown(value: Any) -> str:
    return "no" if value is False else "yes" if value is True else str(value)
