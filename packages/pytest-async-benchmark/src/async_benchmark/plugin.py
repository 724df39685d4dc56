"""The pytest plugin: only fixtures. Nothing runs or is imported before a test requests one.

pytest loads the plugin into every test session of the environment, so it must cost nothing where it
is not used: no hook, no option, no marker.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import asyncio

    from async_benchmark.fixture import AsyncBenchmark


@pytest.fixture(scope="session")
def async_benchmark_loop_factory() -> "Callable[[], asyncio.AbstractEventLoop]":
    """Make the event loop of `async_benchmark_runner`. Override it for another kind of loop:
    `return uvloop.new_event_loop`."""
    import asyncio

    return asyncio.new_event_loop


@pytest.fixture(scope="session")
def async_benchmark_runner(
    async_benchmark_loop_factory: "Callable[[], asyncio.AbstractEventLoop]",
) -> "Iterator[asyncio.Runner]":
    """Run a coroutine in the event loop of `async_benchmark`: to make rows, to dispose of a pool.

    There is one loop a test session: a pool that an application keeps for good belongs to the loop
    that it was first used in.
    """
    import asyncio

    # With a factory, the runner leaves the thread's own event loop alone.
    with asyncio.Runner(loop_factory=async_benchmark_loop_factory) as runner:
        yield runner


@pytest.fixture
def async_benchmark_loop(request: pytest.FixtureRequest) -> "asyncio.AbstractEventLoop":
    """Return the event loop in which `async_benchmark` times a `def` test.

    It is the loop of anyio's fixtures if the test has some, else that of `async_benchmark_runner`.
    Override it with an async fixture that returns `asyncio.get_running_loop()`, to time in the
    loop of other async fixtures.
    """
    from async_benchmark.loops import default_loop

    return default_loop(request)


@pytest.fixture
async def _async_benchmark_anyio_loop(anyio_backend: object) -> "asyncio.AbstractEventLoop":
    """Return the loop in which anyio's plugin runs the async fixtures of the test."""
    import asyncio

    return asyncio.get_running_loop()


@pytest.fixture
def _async_benchmark_needs_asyncio(request: pytest.FixtureRequest) -> None:
    from async_benchmark.loops import check_asyncio

    check_asyncio(request)


# pytest-benchmark's fixture is the first: --benchmark-skip skips before anything is checked.
@pytest.fixture
def async_benchmark(
    benchmark: Any,
    _async_benchmark_needs_asyncio: None,
    async_benchmark_loop: "asyncio.AbstractEventLoop",
    request: pytest.FixtureRequest,
) -> "Iterator[AsyncBenchmark]":
    """Time a coroutine function under gather: `async_benchmark(function, tasks=16, session=...)`.

    In an `async def` test: `await async_benchmark(...)`. For a fixed number of rounds:
    `async_benchmark.pedantic(...)`. The result is in pytest-benchmark's own table and files.
    """
    from async_benchmark.fixture import AsyncBenchmark
    from async_benchmark.loops import is_async_test

    timer = AsyncBenchmark(benchmark, async_benchmark_loop, in_async_test=is_async_test(request))
    yield timer
    timer.check_awaited()
