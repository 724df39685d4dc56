"""The worker processes that the tests of a query share."""

from collections.abc import Iterator

import pytest

from bench.measure.worker_pool import WorkerPool


@pytest.fixture(scope="session")
def pool() -> Iterator[WorkerPool]:
    """A process for each backend."""
    with WorkerPool() as processes:
        yield processes
