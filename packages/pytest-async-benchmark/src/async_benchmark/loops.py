"""The event loop in which a `def` test is timed, and whether a test can be timed at all."""

import asyncio
import inspect
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

Value = TypeVar("Value")


def is_async_test(request: pytest.FixtureRequest) -> bool:
    return inspect.iscoroutinefunction(request.function)


def default_loop(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoop:
    """Return the loop of anyio's fixtures if the test has some, else that of our own runner.

    Fails a `def` test that has async fixtures of another plugin: no public name gives their loop,
    and in another loop their engine or client would fail, or leak.
    """
    if "anyio_backend" in request.fixturenames:
        loop = request.getfixturevalue("_async_benchmark_anyio_loop")
    else:
        if not is_async_test(request) and (names := _async_fixtures(request)):
            pytest.fail(_WHICH_LOOP.format(test=request.node.originalname, name=names[0]), False)
        loop = request.getfixturevalue("async_benchmark_runner").get_loop()
    assert isinstance(loop, asyncio.AbstractEventLoop)
    return loop


_WHICH_LOOP = """\
async_benchmark can't know the event loop of the async fixture '{name}', which {test} uses.
Either write `async def {test}` and `await async_benchmark(...)`,
or name the loop in conftest.py, with the loop scope of '{name}':

    @pytest_asyncio.fixture(scope="session", loop_scope="session")
    async def async_benchmark_loop():
        return asyncio.get_running_loop()
"""


def check_asyncio(request: pytest.FixtureRequest) -> None:
    """Fail a test whose fixtures run under anyio's trio backend."""
    if "anyio_backend" not in request.fixturenames:
        return
    backend = request.getfixturevalue("anyio_backend_name")
    if backend != "asyncio":
        pytest.fail(
            f"async_benchmark times asyncio only, and this test runs under anyio's backend "
            f"{backend!r}: let its fixture `anyio_backend` return 'asyncio'",
            pytrace=False,
        )


def run_in(loop: Any, coroutine: Coroutine[Any, Any, Value]) -> Value:
    """Run a coroutine in a loop that another fixture owns, and leave the loop open.

    Returns and raises what the coroutine does. Ctrl-C cancels it, as under `asyncio.run`. Raises
    `TypeError` for what is no event loop, `RuntimeError` for one that is closed or runs.
    """
    if problem := _problem_of(loop):
        coroutine.close()
        raise problem
    # Not closed: that would close the loop.
    return asyncio.Runner(loop_factory=lambda: loop).run(coroutine)


def _problem_of(loop: Any) -> Exception | None:
    if not isinstance(loop, asyncio.AbstractEventLoop):
        return TypeError(
            f"the fixture async_benchmark_loop gave {loop!r}: let it return an event loop"
        )
    if loop.is_closed():
        return RuntimeError(
            "the event loop that the fixture async_benchmark_loop gave is closed: "
            "let its scope be no wider than the loop's"
        )
    if loop.is_running():
        return RuntimeError(
            "the event loop that the fixture async_benchmark_loop gave runs already, "
            "in another thread: let it return a loop that waits"
        )
    return None


def _async_fixtures(request: pytest.FixtureRequest) -> list[str]:
    """Return the names of the test's async fixtures.

    pytest has no public name for a test's fixture functions; pytest-asyncio and anyio read the
    same attribute. Without it, a mistake is found later, when a connection says that its loop is
    another one.
    """
    definitions = getattr(getattr(request.node, "_fixtureinfo", None), "name2fixturedefs", {})
    functions = {name: found[-1].func for name, found in definitions.items() if found}
    return [
        name
        for name, function in functions.items()
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    ]
