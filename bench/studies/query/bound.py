"""A backend whose sessions have the user's reads, under the names that the harness calls."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

from accessors.api import Accessor, AnyBackend, AsyncAccessor, AsyncBackend, Backend, Target
from accessors.rows import Answer, Shape
from bench.studies.query.forms import Forms


class ValueRows(Shape):
    """Rows as the library gives them: the values in the order of the columns."""

    def feed(self, rows: Any) -> list[Answer]:
        """Return a dict for each row: the number of the column, from 1 -> its value."""
        return [_values(row) for row in rows]


def _values(row: Any) -> Answer:
    if hasattr(row, "_sa_instance_state"):  # the ORM's object
        return {name: value for name, value in vars(row).items() if name[0] != "_"}
    return dict(zip(map(str, range(1, len(row) + 1)), row, strict=True))


Units = Mapping[str, Any]
"""Name of a unit of work -> the user's function for this backend."""


def bound(backend: AnyBackend, reads: Mapping[str, Forms], units: Units) -> AnyBackend:
    """Return the backend with these reads and units of work, by name.

    It must take one of the forms of each read, and have a function of each unit.
    """
    native = Reads(
        {name: forms.native(backend) for name, forms in reads.items()},
        {name: forms.streamed(backend) for name, forms in reads.items()},
        {name: _shape(backend, forms) for name, forms in reads.items()},
    )
    if isinstance(backend, Backend):
        return BoundBackend(backend, native, units)
    return AsyncBoundBackend(backend, native, units)


@dataclass(frozen=True)
class Reads:
    """The reads as the accessors of a backend take them, by name."""

    buffered: Mapping[str, Any]
    streamed: Mapping[str, Any]
    shapes: Mapping[str, Callable[[], Shape]]


def _shape(backend: AnyBackend, forms: Forms) -> Callable[[], Shape]:
    rows_in = forms.rows_in
    if backend.layer != "orm" or rows_in is None:
        return ValueRows

    def counted() -> Shape:
        shape = ValueRows()
        # The number of an object's own rows; a list of objects has the sum.
        shape.count = lambda rows: sum(map(rows_in, rows))
        return shape

    return counted


def give_units(accessor: Accessor | AsyncAccessor, units: Units) -> None:
    """Give the session the user's functions, called with its own session or connection.

    No layer of ours is timed: `functools.partial` adds the first argument.
    """
    for name, function in units.items():
        setattr(accessor, name, partial(function, accessor.native))


def _ended(read: Callable[..., Any], native: Any) -> Callable[..., Any]:
    """Return the read with the end of its transaction, beside units that begin with none."""

    def call(*arguments: Any) -> Any:
        rows = read(*arguments)
        native.commit()
        return rows

    return call


def _ended_async(read: Callable[..., Any], native: Any) -> Callable[..., Any]:
    async def call(*arguments: Any) -> Any:
        rows = await read(*arguments)
        await native.commit()
        return rows

    return call


def give_reads(accessor: Accessor | AsyncAccessor, reads: Reads) -> None:
    """Give the session a function for each read and each way of fetching it.

    A function is the accessor's own verb with the read as its first argument: no layer of ours is
    timed.
    """
    for name, read in reads.buffered.items():
        setattr(accessor, name, partial(accessor.fetch_all, read))
        setattr(accessor, f"get_{name}", partial(accessor.fetch_all, read))
    for name, read in reads.streamed.items():
        setattr(accessor, f"stream_{name}", partial(accessor.stream, read))
        setattr(accessor, f"stream_{name}_batches", partial(accessor.stream_batches, read))
    for name, known in (("reads", reads.buffered), ("streamed_reads", reads.streamed)):
        setattr(accessor, name, SimpleNamespace(**known))


class BoundBackend(Backend):
    """A sync backend with a user's reads."""

    def __init__(self, backend: Backend, reads: Reads, units: Units) -> None:
        self._backend = backend
        self._reads = reads
        self._units = units
        _describe(self, backend, reads)

    def open(self, target: Target) -> AbstractContextManager[None]:
        """Open the library's own pool."""
        return self._backend.open(target)

    @contextmanager
    def accessor(self) -> Iterator[Accessor]:
        """Give a session of the library with the reads."""
        with self._backend.accessor() as accessor:
            _give(accessor, self._reads, self._units, _ended)
            yield accessor


class AsyncBoundBackend(AsyncBackend):
    """An async backend with a user's reads."""

    def __init__(self, backend: AsyncBackend, reads: Reads, units: Units) -> None:
        self._backend = backend
        self._reads = reads
        self._units = units
        _describe(self, backend, reads)

    def open(self, target: Target) -> AbstractAsyncContextManager[None]:
        """Open the library's own pool."""
        return self._backend.open(target)

    @asynccontextmanager
    async def accessor(self) -> AsyncIterator[AsyncAccessor]:
        """Give a session of the library with the reads."""
        async with self._backend.accessor() as accessor:
            _give(accessor, self._reads, self._units, _ended_async)
            yield accessor


def _give(accessor: Any, reads: Reads, units: Units, ended: Callable[..., Any]) -> None:
    """Give the accessor the reads and the units. Beside units, a buffered read is `ended`."""
    give_reads(accessor, reads)
    give_units(accessor, units)
    if units and hasattr(accessor.native, "commit"):
        for name in reads.buffered:
            setattr(accessor, name, ended(getattr(accessor, name), accessor.native))


def _describe(
    bound_backend: BoundBackend | AsyncBoundBackend,
    backend: AnyBackend,
    reads: Reads,
) -> None:
    for name in (
        "name",
        "driver",
        "layer",
        "also",
        "placeholders",
        "transactions",
        "card",
        "connect_options",
    ):
        setattr(bound_backend, name, getattr(backend, name))
    bound_backend.shapes = reads.shapes
