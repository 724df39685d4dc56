"""Exact quantiles of more values than fit into memory, read twice in blocks.

The first time counts the values in intervals whose width is a thousandth of their lower end; the
second time keeps, of the few intervals that hold a quantile, how often each value occurs.
"""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from bench.analysis.stats import quantiles, ranks

Block = NDArray[np.int64]

AT_ONCE = 4_000_000
"""The most values that are put together in memory: 32 MB."""

_DROPPED_BITS = 42
"""The bits of a float's fraction (52) that an interval ignores: it keeps the first ten."""
_LOWEST = int(np.float64(1).view(np.int64)) >> _DROPPED_BITS


def quantiles_of_blocks(blocks: Callable[[], Iterable[Block]], amount: int) -> dict[str, int]:
    """Return what `stats.quantiles` returns for the values of all blocks together.

    `blocks` gives them anew at each call; they hold `amount` values, from 0 to 2^53.
    """
    if amount <= AT_ONCE:
        few = list(blocks())
        return quantiles(few[0] if len(few) == 1 else np.concatenate([*few, np.empty(0, np.int64)]))
    counts = np.zeros(0, np.int64)
    for block in blocks():
        here = np.bincount(_intervals(block), minlength=len(counts))
        here[: len(counts)] += counts
        counts = here
    below = np.concatenate([[0], np.cumsum(counts)])
    places = ranks(amount)
    wanted = np.searchsorted(below, list(places.values()), side="right") - 1
    kept = _counted(blocks(), np.unique(wanted))
    found = {}
    for (name, place), interval in zip(places.items(), wanted, strict=True):
        values, occurrences = kept[int(interval)]
        at = np.searchsorted(np.cumsum(occurrences), place - below[interval], side="right")
        found[name] = int(values[at])
    return found


def _intervals(values: Block) -> Block:
    """Return the number of each value's interval, in the order of the values; 0 for 0."""
    # The bits of a positive float are in the order of its value (IEEE 754).
    bits = np.maximum(values, 1).astype(np.float64).view(np.int64) >> _DROPPED_BITS
    numbers: Block = (bits - _LOWEST + 1) * (values > 0)
    return numbers


def _counted(blocks: Iterable[Block], wanted: Block) -> dict[int, tuple[Block, Block]]:
    """Return, for each wanted interval, its values in order and how often each occurs."""
    nothing = np.empty(0, np.int64)
    kept = {int(interval): (nothing, nothing) for interval in wanted}
    for block in blocks:
        intervals = _intervals(block)
        for interval, (values, occurrences) in kept.items():
            more, times = np.unique(block[intervals == interval], return_counts=True)
            both = np.concatenate([values, more])
            merged, places = np.unique(both, return_inverse=True)
            sums = np.bincount(places, np.concatenate([occurrences, times]), len(merged))
            kept[interval] = merged, sums.astype(np.int64)
    return kept
