"""The operations of a client as calls on its session, one after another, without end."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

from bench.model.workload import Operation

Bound = tuple[Callable[..., Any], Callable[[Any], int] | None]
"""A call, and the function that counts the rows of its answer (None without rows)."""

Step = tuple[Bound, tuple[Any, ...]]
"""A call and its arguments."""


class Steps:
    """The steps of a client. Each iteration begins where the one before was left."""

    def __init__(self, operations: Sequence[Operation], bound: Mapping[str, Bound]) -> None:
        # Two cycles over existing objects: a new tuple for each step would cost a cache miss.
        arguments = [operation.arguments for operation in operations]
        calls = [bound[operation.function] for operation in operations]
        self._steps = zip(cycle(calls), cycle(arguments))
        self.lone: tuple[Callable[..., Any], Iterator[Any]] | None = None
        """If there is one function, of one argument: its call, and the arguments. A loop over them
        unpacks nothing, which a lone point read would notice: `bench overhead`.
        """
        if len(bound) == 1 and all(len(each) == 1 for each in arguments):
            ((call, _),) = bound.values()
            self.lone = call, cycle([argument for (argument,) in arguments])

    def __iter__(self) -> Iterator[Step]:
        return self._steps
