"""A member of the crowd: an accessor of its own, and what it asks of it, a few calls a round."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import islice

from accessors.api import AsyncBackend, Backend
from bench.measure import clients_async, clients_sync
from bench.measure.clients_async import AsyncClient
from bench.measure.clients_sync import Client
from bench.model.case import Case
from bench.model.workload import WORKLOADS, Operation

CALLS_A_ROUND = 10
"""By each member, one after another, so that starting and ending a round weighs little."""


def calls_a_round(case: Case) -> int:
    """Of one member of the crowd; one where a call gives many rows."""
    return 1 if WORKLOADS[case.workload].many_rows else CALLS_A_ROUND


class MicrobenchClient:
    """Of a thread, which opened the accessor itself."""

    def __init__(self, steps: Iterator[clients_sync.Step], calls: int) -> None:
        self._steps = steps
        self._calls = calls
        self.first_rows: int | None = None
        """How many rows came in the first round, which asks the same of every backend."""

    def round(self) -> None:
        rows = 0
        for (call, count), arguments in islice(self._steps, self._calls):
            answer = call(*arguments)
            rows += count(answer) if count else 1
            del answer  # or the ORM's identity map answers the next call
        if self.first_rows is None:
            self.first_rows = rows


class AsyncMicrobenchClient:
    """Of a task, which opened the accessor itself."""

    def __init__(self, steps: Iterator[clients_async.Step], calls: int) -> None:
        self._steps = steps
        self._calls = calls
        self.first_rows: int | None = None

    async def round(self) -> None:
        rows = 0
        for (call, count), arguments in islice(self._steps, self._calls):
            answer = await call(*arguments)
            rows += count(answer) if count else 1
            del answer
        if self.first_rows is None:
            self.first_rows = rows


@contextmanager
def taken(
    backend: Backend, case: Case, operations: tuple[Operation, ...], crowd: list[MicrobenchClient]
) -> Iterator[MicrobenchClient]:
    """A seat with a session of its own, added to the crowd's."""
    with backend.accessor() as accessor:
        steps = Client(backend, case, operations).steps(accessor)
        seat = MicrobenchClient(steps, calls_a_round(case))
        crowd.append(seat)
        yield seat


@asynccontextmanager
async def taken_async(
    backend: AsyncBackend,
    case: Case,
    operations: tuple[Operation, ...],
    crowd: list[AsyncMicrobenchClient],
) -> AsyncIterator[AsyncMicrobenchClient]:
    """As `taken`, in a task."""
    async with backend.accessor() as accessor:
        steps = AsyncClient(backend, case, operations).steps(accessor)
        seat = AsyncMicrobenchClient(steps, calls_a_round(case))
        crowd.append(seat)
        yield seat
