"""All mistakes by theme, in the order of the lesson."""

from collections.abc import Mapping

from bench.studies.lessons.mistake import Mistake
from bench.studies.lessons.mistakes import (
    instances,
    locks,
    pools,
    raw,
    reads,
    scopes,
    streams,
    structure,
    threads,
    transactions,
    writes,
)

THEMES: Mapping[str, tuple[Mistake, ...]] = {
    "Reads": reads.MISTAKES,
    "Writes": writes.MISTAKES,
    "One transaction": transactions.MISTAKES,
    "Savepoints and closing": scopes.MISTAKES,
    "Locks": locks.MISTAKES,
    "Streams": streams.MISTAKES,
    "Lifetimes": structure.MISTAKES,
    "Objects": instances.MISTAKES,
    "Connections": raw.MISTAKES,
    "Threads": threads.MISTAKES,
    "Pools and loops": pools.MISTAKES,
}

MISTAKES: Mapping[str, Mistake] = {
    mistake.name: mistake for theme in THEMES.values() for mistake in theme
}


def mistake_named(name: str) -> Mistake:
    """Return the mistake of this name. Raises `KeyError` for an unknown name."""
    return MISTAKES[name]
