"""An engine of a fixture of anyio's plugin is timed in that fixture's loop; trio is refused."""

import pytest
from tests.async_benchmark.suite import Suite

TESTS = """
import asyncio
import pytest
from application import open_engine, opener_of, two

@pytest.fixture(scope="{scope}")
def anyio_backend():
    return {backend}

@pytest.fixture(scope="{scope}")
async def engine(anyio_backend):
    async with open_engine() as engine:
        yield engine

@pytest.mark.anyio
@pytest.mark.parametrize("tasks", [1, 4])
async def test_awaited(async_benchmark, engine, tasks):
    results = await async_benchmark(two, tasks=tasks, session=opener_of(engine))
    assert results == [2] * tasks

@pytest.mark.parametrize("tasks", [1, 4])
def test_plain(async_benchmark, engine, tasks):
    results = async_benchmark(two, tasks=tasks, session=opener_of(engine))
    assert results == [2] * tasks
"""

WITHOUT_OTHERS = ("-p", "no:asyncio")


def test_every_scope(application: Suite) -> None:
    """Forbids a loop of async_benchmark's own for an engine that lives in anyio's loop."""
    folder = application.folder / "folder"
    folder.mkdir()
    (folder / "__init__.py").touch()
    scopes = ("function", "class", "module", "package", "session")
    for scope in scopes:
        text = TESTS.format(scope=scope, backend="'asyncio'")
        (folder / f"test_{scope}.py").write_text(text)
    measured = application.measured(*WITHOUT_OTHERS, "-opythonpath=.")
    assert len(measured) == 4 * len(scopes)


def test_uvloop(application: Suite) -> None:
    pytest.importorskip("uvloop")
    application.write(
        test_anyio=TESTS.format(scope="function", backend="('asyncio', {'use_uvloop': True})")
    )
    assert len(application.measured(*WITHOUT_OTHERS)) == 4


def test_beside_pytest_asyncio(application: Suite) -> None:
    """Both plugins are installed, as in most environments, and the suite uses anyio's."""
    application.write(test_anyio=TESTS.format(scope="function", backend="'asyncio'"))
    assert len(application.measured()) == 4


def test_trio_is_refused_in_one_sentence(suite: Suite) -> None:
    pytest.importorskip("trio")
    suite.write(
        test_trio="""
import pytest

@pytest.fixture
def anyio_backend():
    return "trio"

async def nothing():
    pass

@pytest.fixture
async def number(anyio_backend):
    return 1

@pytest.mark.anyio
async def test_awaited(async_benchmark):
    await async_benchmark(nothing)

def test_plain(async_benchmark, number):
    async_benchmark(nothing)
"""
    )
    result = suite.run_bare(*WITHOUT_OTHERS)
    result.assert_outcomes(errors=2, warnings=2)
    result.stdout.fnmatch_lines(
        ["*times asyncio only, and this test runs under anyio's backend 'trio': let its *"]
    )


def test_an_async_test_under_another_trio_plugin_is_refused(suite: Suite) -> None:
    """Forbids a loop of asyncio that is started inside a running trio."""
    pytest.importorskip("trio")
    suite.write(
        conftest="""
import functools
import inspect
import pytest
import trio

@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    trio.run(functools.partial(pyfuncitem.obj, **arguments))
    return True
""",
        test_trio="""
import pytest

async def nothing():
    pass

async def test_awaited(async_benchmark):
    with pytest.raises(RuntimeError, match="here no asyncio event loop runs: run this `async def`"):
        await async_benchmark(nothing)
""",
    )
    result = suite.run(*WITHOUT_OTHERS, "-Wignore:Benchmark fixture was not used")
    result.assert_outcomes(passed=1)
