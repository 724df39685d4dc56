"""Options of pytest, pytest-benchmark and pytest-xdist apply to `async_benchmark`."""

import pytest
from tests.async_benchmark.suite import Suite

TESTS = """
import asyncio
from functools import partial
import pytest

async def number(value=3):
    await asyncio.sleep(0)
    return value

class Service:
    async def number(self):
        return 3

    async def __call__(self):
        return 3

KINDS = [number, partial(number, 3), Service().number, Service(), lambda: number()]

@pytest.mark.parametrize("tasks", [1, 2])
class TestKinds:
    @pytest.mark.parametrize("function", KINDS)
    def test_plain(self, async_benchmark, function, tasks):
        assert async_benchmark(function, tasks=tasks) == [3] * tasks

    async def test_awaited(self, async_benchmark, tasks):
        results = await async_benchmark(number, tasks=tasks)
        assert results == [3] * tasks

    def test_pedantic(self, async_benchmark, tasks):
        results = async_benchmark.pedantic(number, args=(4,), rounds=2, tasks=tasks)
        assert results == [4] * tasks

@pytest.mark.benchmark(group="marked", min_rounds=7, disable_gc=True, warmup=True)
def test_marked(async_benchmark):
    async_benchmark.benchmark.extra_info["note"] = "mine"
    async_benchmark(number)
"""


@pytest.fixture
def kinds(suite: Suite) -> Suite:
    suite.write(test_kinds=TESTS)
    return suite


AUTO = "-oasyncio_mode=auto"


def test_every_kind_is_measured(kinds: Suite) -> None:
    measured = kinds.measured(AUTO)
    assert len(measured) == 15
    marked = measured[-1]
    assert marked["group"] == "marked"
    assert marked["extra_info"] == {"note": "mine", "tasks": 1}
    assert marked["stats"]["rounds"] >= 7


def test_disabled(kinds: Suite) -> None:
    result = kinds.run(AUTO, "--benchmark-disable")
    result.assert_outcomes(passed=15)
    result.stdout.no_fnmatch_line("*Name (time in *")


def test_skipped(kinds: Suite) -> None:
    kinds.run(AUTO, "--benchmark-skip").assert_outcomes(skipped=15)


def test_autosaved_and_compared(kinds: Suite) -> None:
    kinds.run(AUTO, "--benchmark-autosave").assert_outcomes(passed=15)
    (saved,) = kinds.folder.glob(".benchmarks/*/0001_*.json")
    assert "test_awaited[2]" in saved.read_text()
    compared = kinds.run(AUTO, "--benchmark-compare", "-k", "test_awaited")
    compared.assert_outcomes(passed=2)
    compared.stdout.fnmatch_lines(["*test_awaited?1? (0001_*"])


def test_under_xdist(kinds: Suite) -> None:
    """pytest-benchmark times nothing in xdist's processes; every function is called once."""
    result = kinds.run(AUTO, "-n2", "-Wignore:Benchmarks are automatically disabled")
    result.assert_outcomes(passed=15)


def test_profiled(kinds: Suite) -> None:
    result = kinds.run(AUTO, "--benchmark-cprofile=tottime", "-k", "marked or awaited")
    result.assert_outcomes(passed=3)


def test_skipped_before_a_fixture_is_refused(suite: Suite) -> None:
    """Forbids an error of a test that --benchmark-skip skips."""
    suite.write(
        test_refused="""
import pytest

@pytest.fixture
async def engine():
    yield

async def nothing():
    pass

def test(async_benchmark, engine):
    async_benchmark(nothing)
"""
    )
    suite.run(AUTO, "--benchmark-skip").assert_outcomes(skipped=1)
