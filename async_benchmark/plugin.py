"""The pytest plugin: fixtures, and nothing that runs or is imported before one is asked for.

pytest loads it into every test session of the environment, so that it has to be free for those who
do not use it: no hook, no option, no marker.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import asyncio

    from async_benchmark.fixture import AsyncBenchmark


@pytest.fixture(scope="session")
def async_benchmark_loop_factory() -> "Callable[[], asyncio.AbstractEventLoop]":
    """Makes the event loop; override it for another one, such as `uvloop.new_event_loop`."""
    import asyncio

    return asyncio.new_event_loop


@pytest.fixture(scope="session")
def async_benchmark_runner(
    async_benchmark_loop_factory: "Callable[[], asyncio.AbstractEventLoop]",
) -> "Iterator[asyncio.Runner]":
    """Runs a coroutine in the event loop of `async_benchmark`: to make rows, to dispose of a pool.

    One loop a test session: a pool that an application keeps for good belongs to the loop it was
    first used in.
    """
    import asyncio

    # With a factory, the runner leaves the thread's own event loop alone.
    with asyncio.Runner(loop_factory=async_benchmark_loop_factory) as runner:
        yield runner


@pytest.fixture
def async_benchmark(benchmark: Any, async_benchmark_runner: "asyncio.Runner") -> "AsyncBenchmark":
    """Time a coroutine function under gather: `async_benchmark(function, tasks=16, session=...)`.

    The result stands in pytest-benchmark's own table and files.
    """
    from async_benchmark.fixture import AsyncBenchmark

    return AsyncBenchmark(benchmark, async_benchmark_runner)
