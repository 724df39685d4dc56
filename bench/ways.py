"""From a way of fetching to the call on a session that fetches so."""

from collections.abc import Callable
from functools import partial
from typing import Any

from accessors.api import Accessor, AsyncAccessor
from bench.case import FURTHER_VERBS, Fetch


def stream_of(
    accessor: Accessor | AsyncAccessor, function: str, fetch: Fetch
) -> Callable[..., Any]:
    """What streams this function's rows: called with its arguments, it gives the stream.

    That is the accessor's own `stream_...`, or `stream_..._batches`; where the fetch is a further
    verb of the library, that verb on the function's read.
    """
    sized = {} if fetch.batch_size is None else {"batch_size": fetch.batch_size}
    if further := FURTHER_VERBS.get(fetch.mode):
        verb = getattr(accessor, further)
        return lambda *arguments: verb(*_read(accessor, function, arguments), **sized)
    name = function.replace("get_", "stream_", 1)
    stream = getattr(accessor, f"{name}_batches" if fetch.mode == "batched" else name)
    return partial(stream, **sized)


def _read(
    accessor: Accessor | AsyncAccessor, function: str, arguments: tuple[Any, ...]
) -> tuple[Any, ...]:
    name = function.removeprefix("get_")
    if name == "customers":
        return accessor.reads.of_customers(*arguments or (None,))
    return (getattr(accessor.reads, name), *arguments)
