"""`async_benchmark` times concurrent tasks in a user's suite, in a loop that stays open."""

import pytest
from tests.async_benchmark.suite import Suite

from bench.server.database import Database
from tests.documents import ROOT, blocks

GUIDE = ROOT / "docs" / "pytest-benchmark.md"


@pytest.fixture
def shop(suite: Suite, database: Database, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """Write the application of the guide, and its tests in the loop of the session, unchanged."""
    application, tests, pedantic, _, _ = blocks(GUIDE, "python")
    suite.write(shop=application, test_shop=f"{tests}\n\n{pedantic}")
    monkeypatch.setenv("SHOP_URL", database.url.replace("postgresql:", "postgresql+asyncpg:"))
    return suite


def test_a_plain_sqlalchemy_application_is_timed(shop: Suite) -> None:
    measured = {benchmark["name"]: benchmark for benchmark in shop.measured()}
    assert measured.pop("test_add")["stats"]["rounds"] == 20
    assert set(measured) == {
        f"{name}[{tasks}]"
        for name in ("test_price", "test_price_in_a_session_of_its_own")
        for tasks in (1, 16)
    }
    for name, benchmark in measured.items():
        assert name.endswith(f"[{benchmark['extra_info']['tasks']}]")
        assert benchmark["stats"]["rounds"] >= 3
        assert benchmark["stats"]["min"] > 0


def test_the_guides_async_fixtures_are_timed(shop: Suite) -> None:
    *_, awaited, conftest = blocks(GUIDE, "python")
    shop.write(test_awaited=awaited, conftest=conftest)
    assert {benchmark["name"] for benchmark in shop.measured("test_awaited.py")} == {
        "test_price_awaited",
        "test_price_in_the_loop_of_the_fixture",
    }


def test_the_results_stand_in_the_table_of_pytest_benchmark(shop: Suite) -> None:
    result = shop.run("-k", "test_price")
    result.assert_outcomes(passed=4, deselected=1)
    result.stdout.fnmatch_lines(["*benchmark: 4 tests*", "Name (time in *", "test_price?1? *"])


def test_its_options_hold_here_too(shop: Suite) -> None:
    disabled = shop.run("--benchmark-disable")
    disabled.assert_outcomes(passed=5)
    disabled.stdout.no_fnmatch_line("*Name (time in *")
    shop.run("--benchmark-skip").assert_outcomes(skipped=5)


CLIENT = """
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
        client=CLIENT,
        test_client=f"""
import client

def test_client(async_benchmark):
    results = async_benchmark(client.call, 10, tasks={tasks}, session=client.session, times=2)
    assert results == [20 * (number + 1) for number in range({tasks})]
    assert client.most == {tasks}
    assert client.Session.opened == 0
""",
    )
    (only,) = suite.measured()
    assert only["extra_info"] == {"tasks": tasks}


def test_no_round_starts_an_event_loop(suite: Suite) -> None:
    """Forbids one `asyncio.run` per call, which costs more than the call."""
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
    assert all(benchmark["stats"]["rounds"] > 1 for benchmark in suite.measured())
