"""The rules for which runs can be compared, and which measurements are one.

`bench compare`, `bench report`, `bench history` and `bench gate` ask here, so that they agree.
"""

from collections.abc import Collection, Iterator, Sequence

from bench.analysis.compare.differences import EnvironmentDifference, differences
from bench.model.case import Case
from bench.results.header import DatasetFacts, Header

_OF_ONE_RUN = {
    *("profile", "rounds", "budget_s", "load_model", "git.revision"),
    *("server.settings.max_connections", "server.changed_settings.max_connections"),
}
"""The differences that two measurements of one gate may have."""


def obstacles(runs: Sequence[tuple[Header, Collection[Case]]]) -> Iterator[str]:
    """Yield why the figures of these runs answer different questions; nothing if they do not.

    `runs`: the header of each run, and its cases. Equal are the rows, the operations, the load
    model and the event loops. A difference of versions, server or machine is no obstacle: it may be
    what is asked.
    """
    headers = [header for header, _ in runs]
    statements = [header.statements for header in headers]
    for name in set.intersection(*(set(known) for known in statements)):
        facts = [known[name] for known in statements]
        if any(one.files for one in facts):
            # The change of a workload file may be what is judged: it is among the differences.
            yield from _unequal(f"operations of {name}", [str(one.reads) for one in facts])
            yield from _unequal(f"think times of {name}", [f"{one.think_s:g} s" for one in facts])
        else:
            texts = [" ".join(one.sql.split()) for one in facts]
            yield from _unequal(f"statements of {name}", texts)
    yield from _unequal("datasets", [_rows(header.dataset) for header in headers])
    yield from _unequal("load models", [str(header.load_model) for header in headers])
    loops = [{case.loop for case in cases} - {"none"} for _, cases in runs]
    if all(loops):
        yield from _unequal("event loops", [", ".join(sorted(names)) for names in loops])


def changes_between(first: Header, second: Header) -> list[EnvironmentDifference]:
    """Return what differs between two measurements that are to be one, except their length.

    A measurement of fewer cases names fewer packages and transports: that is no difference.
    """
    servers = (first.environment.server.url, second.environment.server.url)
    conditions = [
        EnvironmentDifference("server.url", servers),
        EnvironmentDifference("connect", (first.connect, second.connect)),
    ]
    found = [change for change in conditions if change.values[0] != change.values[1]]
    return found + [
        change
        for change in differences([first, second])
        if change.what not in _OF_ONE_RUN
        and not (change.what.startswith("version of ") and None in change.values)
        and not (change.what == "server.transport" and " and " in str(change))
    ]


def _rows(dataset: DatasetFacts) -> str:
    """Return the rows in words: equal ones have equal words. An older file may lack the hash."""
    digest = dataset.content[:16] if dataset.content else dataset.digest
    return f"scale {dataset.scale} ({digest})"


def _unequal(what: str, values: Sequence[str]) -> Iterator[str]:
    if len(set(values)) > 1:
        yield f"{what} differ: {' and '.join(values)}"
