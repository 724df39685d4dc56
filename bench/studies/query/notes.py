"""Notes on a measured statement: what was compared, and which backends did less work."""

from bench.analysis.findings.finding import listed
from bench.results.header import Header
from bench.results.statement import StatementFacts

_COMPARED = {
    "values": "",
    "sets": "The rows come in no fixed order, so they were compared as sets.",
    "counts": "The values differ each time, so only the number of rows was compared.",
    "columns": "The number of rows differs each time, so answers were not compared.",
}


_CHANGES = {
    "nothing": "its sessions are read-only",
    "restored": "its rows are restored after each turn",
    "renewed": "its database is made again from a template after each turn",
}


def _of_units(name: str, facts: StatementFacts) -> str:
    """Return the sentence about the units of work of a workload."""
    kind = "unit" if len(facts.units) == 1 else "units"
    return (
        f"`{name}` has the {kind} of work {listed([f'`{unit}`' for unit in facts.units])};"
        f" {_CHANGES[facts.changes]}."
    )


def _unread(reason: str, facts: StatementFacts) -> str:
    """Return the reason; in plain words if asyncpg has no codec for the type of a column.

    It asks the server for the parts of such a type, and gives up after some attempts.
    """
    backend, _, words = reason.partition(": ")
    if "could not resolve query result" not in words:
        return reason
    named = [f"{c.name} ({c.type})" for c in facts.columns if c.type.startswith("any")]
    columns = f" of {listed(named)}" if named else " of a column"
    return f"{backend}: asyncpg has no codec for the type{columns}; cast it to text"


def notes(header: Header) -> list[str]:
    """Return the notes on the statements of a run; names are in backquotes."""
    found = []
    for name, facts in header.statements.items():
        if words := _COMPARED.get(facts.compared, ""):
            found.append(words)
        if facts.units:
            found.append(_of_units(name, facts))
        elif not facts.read_only:
            found.append("The sessions could write.")
        if facts.think_s:
            found.append(
                f"Each client of `{name}` waits {facts.think_s:g} s after an operation (think"
                " time): that is in operations/s, and not in a latency."
            )
        ways: dict[tuple[str, ...], list[str]] = {}
        for backend, columns in facts.texts.items():
            ways.setdefault(tuple(dict.fromkeys(columns.values())), []).append(backend)
        for types, backends in ways.items():
            names = listed([f"`{name}`" for name in backends])
            verb = "gives" if len(backends) == 1 else "give"
            found.append(
                f"Unequal work: {names} {verb} {listed(list(types))} as text, which others parse."
            )
    found += [
        f"Not measured: {_unread(reason, header.statements[key.partition('/')[2]])}"
        for key, reason in header.impossible.items()
        if key.partition("/")[2] in header.statements
    ]
    return found
