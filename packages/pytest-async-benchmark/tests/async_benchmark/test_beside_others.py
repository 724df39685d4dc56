"""`async_benchmark` beside pytest-asyncio, another event loop, and suites without it."""

import pytest
from tests.async_benchmark.suite import Suite


def test_beside_pytest_asyncio(suite: Suite) -> None:
    """Each plugin has a loop of its own, in any order of tests, and never sees the other's."""
    suite.write(
        test_both="""
import asyncio

loops = []

async def note():
    loops.append(asyncio.get_running_loop())

async def test_before():
    await note()

def test_timed(async_benchmark):
    async_benchmark(note, tasks=2)

async def test_after():
    await note()
    assert loops[0] is not loops[1] is not loops[-1]
    assert loops[1] is loops[-2]

async def test_timed_where_a_loop_runs(async_benchmark):
    await async_benchmark(note)
    assert loops[-1] is asyncio.get_running_loop() is not loops[1]

def test_timed_again(async_benchmark):
    async_benchmark(note)
    assert loops[-1] is loops[1]
"""
    )
    result = suite.run("-oasyncio_mode=auto")
    result.assert_outcomes(passed=5)


def test_another_event_loop(suite: Suite) -> None:
    pytest.importorskip("uvloop")
    suite.write(
        conftest="""
import pytest, uvloop

@pytest.fixture(scope="session")
def async_benchmark_loop_factory():
    return uvloop.new_event_loop
""",
        test_loop="""
import asyncio, uvloop

async def loop():
    return asyncio.get_running_loop()

def test_loop(async_benchmark):
    (running,) = async_benchmark(loop)
    assert isinstance(running, uvloop.Loop)
""",
    )
    assert len(suite.measured()) == 1


def test_who_does_not_use_it_does_not_notice_it(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forbids a plugin that imports asyncio, greenlet or our packages into every test session."""
    suite.write(
        test_plain="""
import sys

def test_plain(request):
    assert request.config.pluginmanager.has_plugin("async_benchmark")
    loaded = {name.partition(".")[0] for name in sys.modules}
    assert not loaded & {"asyncio", "greenlet", "bench", "accessors", "sqlalchemy"}
    assert "async_benchmark.fixture" not in sys.modules
"""
    )
    # Without the plugins of other packages, which may import anything.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    assert suite.run_bare("-p", "async_benchmark").parseoutcomes() == {"passed": 1}


def test_its_types_are_public() -> None:
    """Users annotate their tests with them; the package itself imports them at first use."""
    import async_benchmark
    from async_benchmark import AsyncBenchmark, Results
    from async_benchmark.fixture import AsyncBenchmark as Fixture

    assert AsyncBenchmark is Fixture
    assert issubclass(Results, list)
    with pytest.raises(AttributeError, match="has no attribute 'other'"):
        _ = async_benchmark.other
