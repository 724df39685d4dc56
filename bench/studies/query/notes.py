"""Notes on a measured statement: what was compared, and which backends did less work."""

from bench.analysis.findings.finding import listed
from bench.results.header import Header

_COMPARED = {
    "values": "",
    "sets": "The rows come in no fixed order, so they were compared as sets.",
    "counts": "The values differ each time, so only the number of rows was compared.",
    "columns": "The number of rows differs each time, so answers were not compared.",
}


def notes(header: Header) -> list[str]:
    """Return the notes on the statements of a run; names are in backquotes."""
    found = []
    for facts in header.statements.values():
        if words := _COMPARED.get(facts.compared, ""):
            found.append(words)
        if not facts.read_only:
            found.append("The sessions could write.")
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
        f"Not measured: {reason}"
        for key, reason in header.impossible.items()
        if key.partition("/")[2] in header.statements
    ]
    return found
