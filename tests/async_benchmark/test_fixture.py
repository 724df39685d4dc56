"""`async_benchmark` as other people's suites use it: pytest in a process of its own."""

import json
from typing import Any

import pytest

from bench.server.database import Database
from tests.documents import ROOT, blocks

GUIDE = ROOT / "docs" / "pytest-benchmark.md"


class Suite:
    """Somebody's folder of tests."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        self.folder = pytester.path

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text)

    def run(self, *options: str) -> pytest.RunResult:
        """As its user would, but for short."""
        fast = ("--benchmark-max-time=0.02", "--benchmark-min-rounds=3")
        asyncio = "-oasyncio_default_fixture_loop_scope=function"  # it warns where it is not told
        return self.run_bare("-Werror", asyncio, *fast, *options)

    def run_bare(self, *options: str) -> pytest.RunResult:
        return self._pytester.runpytest_subprocess(*options)

    def measured(self, *options: str) -> list[dict[str, Any]]:
        """What stands in the JSON of a run without failures."""
        file = self.folder / "figures.json"
        result = self.run(f"--benchmark-json={file}", *options)
        assert result.ret == 0, result.stdout.str()
        benchmarks: list[dict[str, Any]] = json.loads(file.read_text())["benchmarks"]
        return benchmarks


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Suite:
    return Suite(pytester)


@pytest.fixture
def shop(suite: Suite, database: Database, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """The guide's application and its suite, as they stand there."""
    application, tests = blocks(GUIDE, "python")
    suite.write(shop=application, test_shop=tests)
    monkeypatch.setenv("SHOP_URL", database.url.replace("postgresql:", "postgresql+asyncpg:"))
    return suite


def test_a_plain_sqlalchemy_application_is_timed(shop: Suite) -> None:
    found = {each["name"]: each for each in shop.measured()}
    assert set(found) == {
        f"{name}[{tasks}]"
        for name in ("test_price", "test_price_in_a_session_of_its_own")
        for tasks in (1, 16)
    }
    for name, each in found.items():
        assert name.endswith(f"[{each['extra_info']['tasks']}]")
        assert each["stats"]["rounds"] >= 3
        assert each["stats"]["min"] > 0


def test_the_results_stand_in_the_table_of_pytest_benchmark(shop: Suite) -> None:
    result = shop.run("-k", "test_price")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["*benchmark: 4 tests*", "Name (time in *", "test_price?1? *"])


def test_its_options_hold_here_too(shop: Suite) -> None:
    disabled = shop.run("--benchmark-disable")
    disabled.assert_outcomes(passed=4)
    disabled.stdout.no_fnmatch_line("*Name (time in *")
    shop.run("--benchmark-skip").assert_outcomes(skipped=4)


CROWD = """
import asyncio
from contextlib import asynccontextmanager

class Session:
    opened = 0
    def __init__(self):
        Session.opened += 1
        self.number, self.task, self.calls = Session.opened, asyncio.current_task(), 0

@asynccontextmanager
async def session():
    mine = Session()
    try:
        yield mine
    finally:
        assert asyncio.current_task() is mine.task
        Session.opened -= 1

at_once = most = 0

async def call(mine, step, *, times):
    global at_once, most
    assert asyncio.current_task() is mine.task
    at_once += 1
    most = max(most, at_once)
    await asyncio.sleep(0)
    at_once -= 1
    mine.calls += 1
    return mine.number * step * times
"""


@pytest.mark.parametrize("tasks", [1, 2, 16])
def test_each_task_has_its_own_session_and_all_work_at_once(suite: Suite, tasks: int) -> None:
    suite.write(
        crowd=CROWD,
        test_crowd=f"""
import crowd

def test_crowd(async_benchmark):
    found = async_benchmark(crowd.call, 10, tasks={tasks}, session=crowd.session, times=2)
    assert found == [20 * (number + 1) for number in range({tasks})]
    assert crowd.most == {tasks}
    assert crowd.Session.opened == 0
""",
    )
    (only,) = suite.measured()
    assert only["extra_info"] == {"tasks": tasks}


def test_no_round_starts_an_event_loop(suite: Suite) -> None:
    """Forbids `asyncio.run` a call, which costs more than a call."""
    suite.write(
        test_loop="""
import asyncio
import pytest

loops = set()

async def note():
    loops.add(asyncio.get_running_loop())

@pytest.mark.parametrize("tasks", [1, 3])
def test_loop(async_benchmark, async_benchmark_runner, tasks):
    async_benchmark(note, tasks=tasks)
    assert loops == {async_benchmark_runner.get_loop()}
"""
    )
    assert all(each["stats"]["rounds"] > 1 for each in suite.measured())


FAILING = """
import asyncio
import pytest
from contextlib import asynccontextmanager

closed = []

@asynccontextmanager
async def session():
    try:
        yield
    finally:
        closed.append(True)

calls = 0

async def third_fails(session):
    global calls
    calls += 1
    await asyncio.sleep(0)
    if calls > 2:
        raise LookupError("the third")

@asynccontextmanager
async def no_session():
    raise ConnectionError("too many clients")
    yield

async def nothing(*arguments):
    pass

@asynccontextmanager
async def no_end():
    yield
    raise BrokenPipeError("gone")
"""


@pytest.mark.parametrize("tasks", [1, 4])
def test_what_a_call_raises_is_the_reason(suite: Suite, tasks: int) -> None:
    suite.write(
        test_failing=FAILING
        + f"""
def test_fails(async_benchmark):
    with pytest.raises(LookupError, match="the third"):
        async_benchmark(third_fails, tasks={tasks}, session=session)
    assert len(closed) == {tasks}
"""
    )
    suite.run().assert_outcomes(passed=1)


@pytest.mark.parametrize("tasks", [1, 4])
@pytest.mark.parametrize("factory", ["no_session", "no_end"])
def test_what_a_session_raises_is_the_reason(suite: Suite, factory: str, tasks: int) -> None:
    error = "ConnectionError" if factory == "no_session" else "BrokenPipeError"
    suite.write(
        test_failing=FAILING
        + f"""
def test_fails(async_benchmark):
    async_benchmark(nothing, tasks={tasks}, session={factory})
"""
    )
    result = suite.run("-Wdefault")
    result.assert_outcomes(failed=1, warnings=int(factory == "no_session"))
    result.stdout.fnmatch_lines([f"E *{error}: *"])


def test_what_cannot_be_done_is_said(suite: Suite) -> None:
    suite.write(
        test_wrong="""
import asyncio
import pytest

async def nothing():
    pass

def test_nobody(async_benchmark):
    with pytest.raises(ValueError, match="nobody can't be concurrent"):
        async_benchmark(nothing, tasks=0)
    async_benchmark(nothing)

def test_a_loop_within_a_loop(async_benchmark):
    async def test():
        with pytest.raises(RuntimeError, match="write `def test_"):
            async_benchmark(nothing)
    asyncio.run(test())
    async_benchmark(nothing)
"""
    )
    suite.run().assert_outcomes(passed=2)


def test_beside_pytest_asyncio(suite: Suite) -> None:
    """Each has an event loop of its own, whichever comes first, and neither sees the other's."""
    suite.write(
        test_both="""
import asyncio
import pytest

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
    with pytest.raises(RuntimeError, match="write `def test_"):
        async_benchmark(note)

def test_timed_again(async_benchmark):
    async_benchmark(note)
    assert loops[-1] is loops[1]
"""
    )
    result = suite.run("-oasyncio_mode=auto", "-Wignore:Benchmark fixture was not used")
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
    (found,) = async_benchmark(loop)
    assert isinstance(found, uvloop.Loop)
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
    # Without the plugins of others, who may import what they like.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    assert suite.run_bare("-p", "async_benchmark").parseoutcomes() == {"passed": 1}
