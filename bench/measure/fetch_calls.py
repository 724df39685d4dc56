"""The calls on a session that fetch rows in a given way."""

from collections.abc import Callable
from functools import partial
from typing import Any

from accessors.api import Accessor, AsyncAccessor
from bench.model.fetch import VERBS, Fetch

_NAMED = {"buffered": "get_{}", "streamed": "stream_{}", "batched": "stream_{}_batches"}
"""The fetches that have public names on an accessor, and the form of these names."""


def call_of(accessor: Accessor | AsyncAccessor, function: str, fetch: Fetch) -> Callable[..., Any]:
    """Return the call that fetches this function's rows. It takes the function's arguments.

    Buffered it gives the rows; any other way, a context manager with the stream. That is the
    accessor's own function, or a further verb of its library on that function's read.
    """
    what = function.removeprefix("get_")
    if name := _NAMED.get(fetch.mode):
        return _sized(getattr(accessor, name.format(what)), fetch)
    verb, reads = verb_of(accessor, fetch), accessor.reads
    if what == "customers":
        return lambda first=None: verb(*reads.of_customers(first))
    return partial(verb, getattr(reads, what))


def verb_of(accessor: Accessor | AsyncAccessor, fetch: Fetch) -> Callable[..., Any]:
    """Return the verb for any read of the library. It takes the read and its arguments."""
    return _sized(getattr(accessor, VERBS[fetch.mode]), fetch)


def _sized(call: Callable[..., Any], fetch: Fetch) -> Callable[..., Any]:
    return call if fetch.batch_size is None else partial(call, batch_size=fetch.batch_size)
