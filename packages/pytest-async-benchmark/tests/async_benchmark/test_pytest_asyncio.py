"""An engine of a pytest-asyncio fixture is timed in that fixture's event loop."""

import pytest
from tests.async_benchmark.suite import Suite

SCOPES = ("function", "class", "module", "package", "session")


def module_of_tests(*, fixture: str, mark: str) -> str:
    """Return a module of tests, plain and awaited, whose engine lives in a fixture's loop."""
    return f"""
import asyncio
import pytest
import pytest_asyncio
from application import open_engine, opener_of, two

{fixture}
async def engine():
    async with open_engine() as engine:
        yield engine

{fixture}
async def async_benchmark_loop():
    return asyncio.get_running_loop()

class Test:
    {mark}
    @pytest.mark.parametrize("tasks", [1, 4])
    async def test_awaited(self, async_benchmark, engine, tasks):
        results = await async_benchmark(two, tasks=tasks, session=opener_of(engine))
        assert results == [2] * tasks

    @pytest.mark.parametrize("tasks", [1, 4])
    def test_plain(self, async_benchmark, engine, tasks):
        assert async_benchmark(two, tasks=tasks, session=opener_of(engine)) == [2] * tasks

    def test_pedantic(self, engine, async_benchmark):
        async_benchmark.pedantic(two, session=opener_of(engine), rounds=3, tasks=2)
"""


def write_every_scope(application: Suite, fixture: str) -> None:
    """Write one test module per loop scope, in a package. `{0}` in the fixture is the scope."""
    folder = application.folder / "folder"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for scope in SCOPES:
        text = module_of_tests(
            fixture=fixture.format(scope), mark=f'@pytest.mark.asyncio(loop_scope="{scope}")'
        )
        (folder / f"test_{scope}.py").write_text(text)


def test_every_loop_scope_in_strict_mode(application: Suite) -> None:
    """Forbids a loop of async_benchmark's own for an engine that lives in a fixture's loop."""
    write_every_scope(application, '@pytest_asyncio.fixture(scope="{0}", loop_scope="{0}")')
    measured = application.measured("-oasyncio_mode=strict", "-opythonpath=.")
    assert len(measured) == 5 * len(SCOPES)


def test_every_loop_scope_in_auto_mode(application: Suite) -> None:
    """Forbids a loop of async_benchmark's own if the configuration sets the loop scope."""
    write_every_scope(application, '@pytest.fixture(scope="{0}")')
    measured = application.measured(
        "-oasyncio_mode=auto",
        "-oasyncio_default_fixture_loop_scope=fixture-scope",
        "-opythonpath=.",
    )
    assert len(measured) == 5 * len(SCOPES)


def test_one_loop_for_the_session_by_configuration(application: Suite) -> None:
    """Forbids a loop of async_benchmark's own if the tests have no mark."""
    application.write(
        test_auto=module_of_tests(fixture='@pytest.fixture(scope="session")', mark="")
    )
    measured = application.measured(
        "-oasyncio_mode=auto",
        "-oasyncio_default_fixture_loop_scope=session",
        "-oasyncio_default_test_loop_scope=session",
    )
    assert len(measured) == 5


def test_uvloop(application: Suite) -> None:
    pytest.importorskip("uvloop")
    application.write(
        conftest="""
import uvloop

def pytest_asyncio_loop_factories(config, item):
    return {"uvloop": uvloop.new_event_loop}
""",
        test_uvloop="""
import asyncio
import pytest_asyncio
import uvloop
from application import open_engine, opener_of, two

@pytest_asyncio.fixture
async def engine():
    async with open_engine() as engine:
        yield engine

async def test_loop(async_benchmark, engine):
    assert await async_benchmark(two, session=opener_of(engine), tasks=3) == [2, 2, 2]
    assert isinstance(asyncio.get_running_loop(), uvloop.Loop)
""",
    )
    assert len(application.measured("-oasyncio_mode=auto")) == 1


def test_an_async_fixture_without_a_known_loop_is_refused(application: Suite) -> None:
    """Forbids to time, without an error, a lazy engine that would connect in a foreign loop."""
    application.write(
        test_plain="""
import pytest_asyncio
from application import open_engine, opener_of, two

@pytest_asyncio.fixture
async def engine():
    async with open_engine() as engine:
        yield engine

def test_two(async_benchmark, engine):
    async_benchmark(two, session=opener_of(engine))
"""
    )
    result = application.run("-Wdefault")
    result.assert_outcomes(errors=1, warnings=1)
    result.stdout.fnmatch_lines(
        [
            "*can't know the event loop of the async fixture 'engine', which test_two uses.",
            "Either write `async def test_two` and `await async_benchmark(...)`,",
            "*async def async_benchmark_loop():",
        ]
    )


def test_a_loop_of_the_wrong_kind_is_named(suite: Suite) -> None:
    suite.write(
        test_loops="""
import asyncio
import pytest

async def nothing():
    pass

class TestNoLoop:
    @pytest.fixture
    def async_benchmark_loop(self):
        return None

    def test(self, async_benchmark):
        with pytest.raises(TypeError, match="async_benchmark_loop gave None: let it return"):
            async_benchmark(nothing)

class TestClosed:
    @pytest.fixture
    def async_benchmark_loop(self):
        loop = asyncio.new_event_loop()
        loop.close()
        return loop

    def test(self, async_benchmark):
        with pytest.raises(RuntimeError, match="async_benchmark_loop gave is closed"):
            async_benchmark(nothing)
"""
    )
    suite.run("-Wignore:Benchmark fixture was not used").assert_outcomes(passed=2)


def test_what_is_not_awaited_fails(suite: Suite) -> None:
    """Forbids an `async def` test that passes and times nothing."""
    suite.write(
        test_forgotten="""
async def nothing():
    pass

async def test_forgotten(async_benchmark):
    async_benchmark(nothing)
"""
    )
    result = suite.run("-oasyncio_mode=auto", "-Wdefault")
    result.assert_outcomes(passed=1, errors=1, warnings=1)
    result.stdout.fnmatch_lines(["*not awaited*write `await async_benchmark(...)`"])
