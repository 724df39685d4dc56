"""The arguments that a user's function draws from a `random.Random`."""

import random
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import Any

from bench.model.errors import UsageError
from bench.studies.query.arguments import Row
from bench.workloads.places import where


def called(
    source: Callable[[random.Random], Any], chance: random.Random, count: int, name: str
) -> list[Row]:
    """Return `count` rows: one for each call, or those of the generator that the function is.

    The rows of a generator that ends are taken again from the first one on. `name`: the read or the
    unit, for messages. Raises `UsageError` for a function that fails, and for rows that are no
    tuples.
    """
    rows: list[Any] = []
    try:
        first = source(chance)
        if isinstance(first, Iterator):
            rows = list(islice(first, count))
            if not rows:
                raise UsageError(
                    f"{where(source)}, the arguments of {name}, yields nothing.\n"
                    "Let it yield a tuple with a value for each parameter."
                )
            rows = list(islice(cycle(rows), count))
        else:
            rows.append(first)
            while len(rows) < count:
                rows.append(source(chance))
    except UsageError:
        raise
    except StopIteration:
        raise UsageError(
            f"{where(source)}, the arguments of {name}, ended after {len(rows)} rows, and"
            f" {count:,} are drawn.\n"
            "Write a generator function of a random.Random: its rows are then taken again."
        ) from None
    except Exception as error:
        raise UsageError(
            f"{where(source)}, the arguments of {name}, failed ({type(error).__name__}:"
            f" {error}).\nLet it take a random.Random and return a tuple."
        ) from None
    wrong = [row for row in rows if not isinstance(row, tuple | list)]
    if wrong:
        raise UsageError(
            f"{where(source)} returned {wrong[0]!r:.40}, and not a tuple of arguments.\n"
            "Let it return a tuple, as in (random.randint(1, 1000),)."
        )
    return [tuple(row) for row in rows]


def refuse_iterator(source: Any, name: str) -> None:
    """Raise `UsageError` for an iterator: each process and database would read the rest of it."""
    if isinstance(source, Iterator):
        raise UsageError(
            f"the arguments of {name} are an iterator, which can be read only once.\n"
            "Write a list, or a generator function of a random.Random."
        )
