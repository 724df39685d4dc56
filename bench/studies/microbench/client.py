"""A client of the microbenchmark: it has its own accessor, and makes a few calls a round."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import islice

from accessors.api import AsyncBackend, Backend
from bench.measure.clients_async import AsyncClient
from bench.measure.clients_sync import Client
from bench.measure.steps import Steps
from bench.model.case import Case
from bench.model.workload import WORKLOADS, Operation

CALLS_A_ROUND = 10
"""Calls of each client in a round, one after another, so that starting and ending a round costs
little in comparison."""


def calls_a_round(case: Case) -> int:
    """Return the calls of one client in a round: only one if a call returns many rows."""
    return 1 if WORKLOADS[case.workload].many_rows else CALLS_A_ROUND


class MicrobenchClient:
    """A client in a thread, which opened the accessor itself."""

    def __init__(self, steps: Steps, calls: int) -> None:
        self._steps = steps
        self._calls = calls
        self.first_rows: int | None = None
        """The number of rows of the first round, whose calls are the same for every backend."""

    def round(self) -> None:
        rows = 0
        for (call, count), arguments in islice(self._steps, self._calls):
            answer = call(*arguments)
            rows += count(answer) if count else 1
            del answer  # otherwise the ORM's identity map answers the next call
        if self.first_rows is None:
            self.first_rows = rows


class AsyncMicrobenchClient:
    """A client in a task, which opened the accessor itself."""

    def __init__(self, steps: Steps, calls: int) -> None:
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
def open_client(
    backend: Backend, case: Case, operations: tuple[Operation, ...], clients: list[MicrobenchClient]
) -> Iterator[MicrobenchClient]:
    """Yield a client with a session of its own, and add it to `clients`."""
    with backend.accessor() as accessor:
        steps = Client(backend, case, operations).steps(accessor)
        client = MicrobenchClient(steps, calls_a_round(case))
        clients.append(client)
        yield client


@asynccontextmanager
async def open_client_async(
    backend: AsyncBackend,
    case: Case,
    operations: tuple[Operation, ...],
    clients: list[AsyncMicrobenchClient],
) -> AsyncIterator[AsyncMicrobenchClient]:
    """Yield a client with a session of its own, and add it to `clients`; for a task."""
    async with backend.accessor() as accessor:
        steps = AsyncClient(backend, case, operations).steps(accessor)
        client = AsyncMicrobenchClient(steps, calls_a_round(case))
        clients.append(client)
        yield client
