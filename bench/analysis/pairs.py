"""Pairs of backends to compare. They differ in one named thing."""

from collections.abc import Iterable, Sequence

from bench.analysis.look import LAYERS, Look

HABITUAL = ("psycopg2", "asyncpg")
"""The driver that sync applications leave, and the one that they usually go to."""

Move = tuple[Look, Look]
"""A pair: the backend to move from, and the backend to move to."""


def same_library(looks: Sequence[Look]) -> list[Move]:
    """Return the moves from threads to tasks with the same layer and driver."""
    return [
        (sync, other)
        for sync in looks
        for other in looks
        if (sync.mode, other.mode) == ("sync", "async")
        and (sync.layer, sync.driver) == (other.layer, other.driver)
    ]


def habitual(looks: Sequence[Look]) -> list[Move]:
    """Return the usual moves from threads to tasks, which change the driver too."""
    return [
        (sync, other)
        for sync in looks
        for other in looks
        if (sync.driver, other.driver) == HABITUAL
        and (sync.mode, other.mode) == ("sync", "async")
        and sync.layer == other.layer
    ]


def layered(looks: Iterable[Look]) -> list[Move]:
    """Return the moves from a driver to a layer above it, in the same mode; the ORM first."""
    listed = list(looks)
    return [
        (bare, above)
        for layer in reversed(LAYERS[1:])
        for above in listed
        for bare in listed
        if (bare.layer, above.layer) == (LAYERS[0], layer)
        and (bare.driver, bare.mode) == (above.driver, above.mode)
    ]
