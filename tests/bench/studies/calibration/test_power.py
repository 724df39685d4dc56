"""Whole runs that must find a slowdown from outside: its backends, its table, its command."""

import asyncio
import json
from pathlib import Path

import pytest

import accessors
from accessors.api import AsyncBackend, Backend, Target
from bench.cli import power
from bench.model.errors import BenchError, UsageError
from bench.server.database import Database
from bench.studies.calibration import busy_wait, power_file, slower
from bench.studies.calibration.power_file import PowerFile, counts, exact_interval
from bench.studies.calibration.whole_runs import Seen, Variant, WholeRun
from tests.bench.command import Bench


def seen(word: str, slower_by: float = 0.05) -> Seen:
    return Seen("throughput", 16, word, slower_by, 100, 1.01, 0.08)


def test_a_wait_is_a_share_of_the_operation_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Defect: a wait that counts itself, and its own cost, is longer than the share."""
    now = [0]

    def clock() -> int:
        now[0] += 1
        return now[0]

    monkeypatch.setattr(busy_wait, "perf_counter_ns", clock)
    monkeypatch.setitem(busy_wait._CLOCKS, "time", clock)
    wait = busy_wait.BusyWait(0.1, "time")
    took = []
    for number in range(2_000):
        # A pause between two turns, as often as a turn of 10 ms has 20 operations.
        now[0] += 1_000 if number % 20 or number < 200 else 100_000_000
        before = now[0]
        wait()
        took.append(now[0] - before)
    assert took[-1] == pytest.approx(100, abs=5)


@pytest.mark.parametrize("driver", slower.PLAIN)
@pytest.mark.parametrize("share", [0.0, 0.05])
def test_a_slower_backend_answers_as_the_plain_one(
    shop: Database, driver: str, share: float
) -> None:
    """Forbid that the power is measured with a backend that does something else."""
    name = slower.slower(driver, share, "cpu")
    answers = [_answer(driver, accessors.BUILTIN[driver], shop)]
    answers.append(_answer(name, slower.__name__, shop))
    assert answers[0] == answers[1] is not None


def _answer(name: str, module: str, shop: Database) -> object:
    backend = accessors.load(name, module)
    target = Target(shop.url)
    if isinstance(backend, Backend):
        with backend.open(target), backend.accessor() as accessor:
            return accessor.get_total_cost_of_an_order(2)
    assert isinstance(backend, AsyncBackend)

    async def ask(backend: AsyncBackend) -> object:
        async with backend.open(target), backend.accessor() as accessor:
            return await accessor.get_total_cost_of_an_order(2)

    return asyncio.run(ask(backend))


def test_a_slowdown_that_is_called_faster_is_not_found() -> None:
    """Forbid that the table counts a wrong verdict as power."""
    words = ["slower", "slower", "faster", "indistinguishable"]
    runs = [WholeRun(0.05, "time", 65.0, [seen(word)]) for word in words]
    (line,) = counts(PowerFile("asyncpg", 60, 0, runs=runs))
    assert (line.found, line.runs) == (2, 4)
    equal = [WholeRun(0.0, "time", 65.0, [seen(word)]) for word in words]
    (line,) = counts(PowerFile("asyncpg", 60, 0, runs=equal))
    assert (line.found, line.runs) == (3, 4)


@pytest.mark.parametrize(
    ("found", "low", "high"), [(0, 0.0, 0.3085), (8, 0.4439, 0.9748), (10, 0.6915, 1.0)]
)
def test_the_interval_is_exact(found: int, low: float, high: float) -> None:
    """The values are those of Clopper and Pearson's table for ten trials."""
    assert exact_interval(found, 10) == pytest.approx((low, high), abs=1e-4)


def test_what_is_left_alternates() -> None:
    """Forbid that all runs of one kind are made in one hour, and all of another in the next."""
    kinds = [Variant("asyncpg", 0.05), Variant("asyncpg", 0.0)]
    file = PowerFile("asyncpg", 60, 0, runs=[WholeRun(0.05, "time", 65.0, [])])
    assert [variant.share for variant in power._left(kinds, file, 2)] == [0.0, 0.05, 0.0]


def test_a_file_of_other_runs_is_not_gone_on_with(tmp_path: Path) -> None:
    """Forbid a table that mixes runs of two budgets."""
    power_file.write(tmp_path, PowerFile("asyncpg", 60, 0))
    assert power_file.begin(tmp_path, "asyncpg", 60, 0).runs == []
    with pytest.raises(UsageError, match="with a budget of 60 s"):
        power_file.begin(tmp_path, "asyncpg", 30, 0)
    (tmp_path / power_file.FILE).write_text("{")
    with pytest.raises(BenchError, match=r"is damaged.*\nGive another --out"):
        power_file.read(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--share=7%"], "0.07 is none of 0%, 2%, 3%, 5%, 10%, 20%"),
        (["--share=x"], "'x' is not a share"),
        (["--repeat=0"], "is not in the range"),
    ],
)
def test_wrong_use_is_two_lines(bench: Bench, words: list[str], said: str) -> None:
    """Forbid a traceback for a share that no backend waits for."""
    done = bench("power", *words)
    assert done.code == 2
    assert said in done.error[0]


@pytest.mark.usefixtures("database")  # its dataset is larger
def test_a_whole_run_is_made_counted_and_kept(bench: Bench, tmp_path: Path) -> None:
    """Forbid that ten runs are made again because one more is wanted."""
    words = ("power", "--repeat=1", "--budget=1s", "--share=0%", f"--out={tmp_path / 'power'}")
    done = bench(*words)
    assert done.code == 0, done.err
    assert "1 runs of 1 s" in done.err
    kept = json.loads((tmp_path / "power" / power_file.FILE).read_text())
    (run,) = kept["runs"]
    clocks = {"throughput", "throughput, decided", "cpu", "cpu, decided"}
    assert {one["clock"] for one in run["seen"]} == clocks
    assert {one["concurrency"] for one in run["seen"]} == {1, 16}
    assert "0 runs of 1 s" in bench(*words).err
