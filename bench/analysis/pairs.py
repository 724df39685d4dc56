"""Which backends are held against which: pairs that differ in one thing, which is named."""

from collections.abc import Iterable, Sequence

from bench.analysis.look import LAYERS, Look

HABITUAL = ("psycopg2", "asyncpg")
"""The driver that sync applications leave, and the one that they usually go to."""

Move = tuple[Look, Look]
"""From, to."""


def same_library(looks: Sequence[Look]) -> list[Move]:
    """Threads to tasks, layer and driver the same."""
    return [
        (sync, other)
        for sync in looks
        for other in looks
        if (sync.colour, other.colour) == ("sync", "async")
        and (sync.layer, sync.driver) == (other.layer, other.driver)
    ]


def habitual(looks: Sequence[Look]) -> list[Move]:
    """Threads to tasks as it is usually done: the driver changes too."""
    return [
        (sync, other)
        for sync in looks
        for other in looks
        if (sync.driver, other.driver) == HABITUAL
        and (sync.colour, other.colour) == ("sync", "async")
        and sync.layer == other.layer
    ]


def layered(looks: Iterable[Look]) -> list[Move]:
    """A bare driver to what is built upon it, driver and colour the same; the ORM first."""
    listed = list(looks)
    return [
        (bare, above)
        for layer in reversed(LAYERS[1:])
        for above in listed
        for bare in listed
        if (bare.layer, above.layer) == (LAYERS[0], layer)
        and (bare.driver, bare.colour) == (above.driver, above.colour)
    ]
