"""Ctrl-C, and the end of the command by other hands: nothing is lost, nothing is left behind."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bench.server.database import Database
from bench.server.embedded import EmbeddedServer
from bench.server.url import changed, parse
from tests.bench.command import LONGEST_S, POINT, Bench, ctrl_c, finish, wait_until, workers

TO_MEASUREMENT = ("--concurrency=2", "--no-verify", f"--workload={POINT}", "--fetch=buffered")
"""Leave out what comes before."""

INTERRUPTED_AT_THE_END = """
import signal, sys

class Last:
    def __del__(self, interrupt=signal.raise_signal, number=signal.SIGHUP):
        interrupt(number)

sys.last = Last()
"""
"""The object lives until Python, which handles no signals any more, empties its modules."""

INTERRUPTED_WHILE_IT_IS_DROPPED = """
class Dropped:
    def __del__(self):
        import signal
        signal.raise_signal(signal.SIGINT)

Dropped()
"""


ENDED_IN_A_STATEMENT = """
import psycopg
from bench.system import interrupts

interrupts.hear()
for error in (ValueError, KeyboardInterrupt):
    try:
        with psycopg.connect({url!r}) as connection:
            connection.execute("select 1")
            connection.pgconn.send_query(b"select 1")
            raise error
    except error:
        print(error.__name__)
"""
"""Fail with two errors: only the one that is no interrupt has a warning."""


ENDED_IN_A_TASK = """
import asyncio, signal
from bench.system import interrupts

interrupts.hear()

async def fail(error):
    raise error

async def be_ended():
    signal.raise_signal(signal.SIGTERM)

async def both():
    failed = asyncio.create_task(fail(ValueError()))
    await asyncio.wait({failed})
    del failed
    await asyncio.gather(be_ended(), asyncio.sleep(60))

try:
    asyncio.run(both())
except KeyboardInterrupt:
    print("interrupted")
"""
"""Fail with two errors: only the one that is no interrupt is logged."""


ENDED_WITH_A_CONNECTION = """
import asyncio, asyncpg, gc, logging, signal, sys
from sqlalchemy.ext.asyncio import create_async_engine
from bench.system import interrupts

interrupts.hear()

async def lose_a_connection():
    connect = lambda: asyncpg.connect({url!r})
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect)
    connection = await engine.connect()
    del connection
    gc.collect()
    await engine.dispose()

async def be_ended():
    await lose_a_connection()
    try:
        print("SIGTERM", file=sys.stderr)
        signal.raise_signal(signal.SIGTERM)
    finally:
        await lose_a_connection()
        logging.getLogger("bench.dataset.lock").warning("the lock was lost")

try:
    asyncio.run(be_ended())
except KeyboardInterrupt:
    print("interrupted")
"""
"""Lose two connections: only the one before the signal is logged."""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Where commands start a server by themselves; it has been started before."""
    with tempfile.TemporaryDirectory(prefix="gatherbench-test-") as folder:
        bench = Bench(Path(folder))
        assert bench("db", "start").code == 0
        assert bench("db", "stop").code == 0
        yield Path(folder)
        bench("db", "stop")


def server_of(home: Path) -> EmbeddedServer:
    (data,) = (home / ".gatherbench").glob("postgres*")
    return EmbeddedServer(data)


def reach(bench: Bench, command: "subprocess.Popen[str]", stage: str) -> None:
    """Wait until the command is in the midst of this stage."""
    assert command.stderr is not None
    while not command.stderr.readline().startswith(stage):
        assert command.poll() is None
    if stage == "measurement":
        wait_until(lambda: len(bench.lines("run")) > 4)
    else:
        wait_until(lambda: len(workers(command)) > 2)


def start(bench: Bench, *arguments: str) -> "subprocess.Popen[str]":
    """Work for hours."""
    two = ("--backend=psycopg2", "--backend=asyncpg", "--rounds=100000")
    return bench.start("run", "--profile=smoke", f"--out={bench.out}", *two, *arguments)


def are_gone(processes: list[psutil.Process]) -> bool:
    """Whether they end: multiprocessing's own tracker outlives the command by a moment."""
    _, alive = psutil.wait_procs(processes, timeout=LONGEST_S)
    return not alive


@pytest.mark.parametrize("stage", ["verification", "memory", "measurement"])
def test_ctrl_c_with_a_server_of_its_own(home: Path, tmp_path: Path, stage: str) -> None:
    bench = Bench(home)
    bench.out = tmp_path / "out"
    command = start(bench, *(TO_MEASUREMENT if stage == "measurement" else ()))
    reach(bench, command, stage)
    crew = workers(command)
    assert server_of(home).status().running
    ctrl_c(command)
    done = finish(command)
    assert done.code == 130
    assert done.err.strip().endswith("interrupted")
    assert "leaked" not in done.err
    assert are_gone(crew)
    assert not server_of(home).status().running
    if stage == "verification":
        assert not bench.out.exists()
    if stage == "measurement":
        assert len(bench.lines("run")) > 4
        assert [end["outcome"] for end in bench.lines("end")] == ["interrupted"]
        assert list((bench.out / "charts").glob("*.svg"))
        assert "operations/s" in done.out
        assert "\nended    interrupted in round " in done.out
        assert " of 100,000: every window that had ended is in these figures" in done.out


def connections(database: Database) -> int:
    name = parse(database.url)["dbname"]
    with Database(changed(database.url, dbname="postgres")).connect() as connection:
        query = "select count(*) from pg_stat_activity where datname = %s"
        (found,) = connection.execute(query, [name]).fetchone() or (0,)
    return int(found)


def test_ctrl_c_leaves_a_server_that_ran_before(
    bench: Bench, database: Database, server: EmbeddedServer
) -> None:
    command = start(bench, *TO_MEASUREMENT)
    reach(bench, command, "measurement")
    assert connections(database) > 0
    ctrl_c(command)
    wait_until(lambda: bench.lines("end"))
    ctrl_c(command)  # a second one, while it draws
    assert finish(command).code == 130
    wait_until(lambda: connections(database) == 0)
    assert server.status().running
    assert len(bench.lines("run")) > 4


def test_ctrl_c_again_and_again(home: Path, tmp_path: Path) -> None:
    """Forbids a traceback, or a server left behind, for who can't wait until all is put away."""
    bench = Bench(home)
    bench.out = tmp_path / "out"
    command = start(bench, *TO_MEASUREMENT)
    reach(bench, command, "measurement")
    crew = workers(command)
    while command.poll() is None:
        ctrl_c(command)
        time.sleep(0.02)
    done = finish(command)
    assert done.code == 130
    assert done.err.strip().endswith("interrupted")
    assert are_gone(crew)
    assert not server_of(home).status().running
    assert [end["outcome"] for end in bench.lines("end")] == ["interrupted"]


def test_ctrl_c_where_python_forgets_it(bench: Bench, database: Database) -> None:
    """Forbids a Ctrl-C that is printed and forgotten, as it fell into a callback of Python's."""
    bench.odd(quiet="pass")
    with (bench.folder / "oddly.py").open("a") as module:
        module.write(INTERRUPTED_WHILE_IT_IS_DROPPED)
    done = bench("run", "--backend-module=oddly", *TO_MEASUREMENT)
    assert done.code == 130
    assert done.err.strip() == "interrupted"


def test_a_signal_after_the_work_changes_nothing(bench: Bench) -> None:
    """Defect: SIGHUP while Python ended killed a `bench query` that had shown its table: its exit
    code was that of a failure.
    """
    (bench.folder / "sitecustomize.py").write_text(INTERRUPTED_AT_THE_END)
    done = bench("list")
    assert (done.code, done.err) == (0, "")


def test_a_library_logs_nothing_of_a_ctrl_c(database: Database) -> None:
    """Defect: a Ctrl-C that came in the midst of a statement printed psycopg's "error ignored in
    rollback" before "interrupted".
    """
    script = ENDED_IN_A_STATEMENT.format(url=database.url)
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["ValueError", "KeyboardInterrupt"]
    assert done.stderr.count("error ignored in rollback") == 1


def test_asyncio_logs_nothing_of_a_signal() -> None:
    """Defect: SIGTERM while one task waited for another printed "Task exception was never
    retrieved" and a traceback before "interrupted".
    """
    command = [sys.executable, "-c", ENDED_IN_A_TASK]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "interrupted\n"
    assert done.stderr.count("Task exception was never retrieved") == 1
    assert done.stderr.strip().endswith("ValueError")


def test_no_library_warns_of_what_a_signal_cut_off(database: Database) -> None:
    """Defect: SIGHUP at some moments of `bench overhead --guard` printed SQLAlchemy's "The garbage
    collector is trying to clean up non-checked-in connection" before "interrupted".
    """
    script = ENDED_WITH_A_CONNECTION.format(url=database.url)
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "interrupted\n"
    before, _, after = done.stderr.partition("SIGTERM\n")
    assert "non-checked-in connection" in before
    assert after == "the lock was lost\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_another_signal_ends_it_in_order(
    bench: Bench, database: Database, number: signal.Signals
) -> None:
    """Forbids results that are not drawn, and workers left behind, when a job is cancelled."""
    command = start(bench, *TO_MEASUREMENT)
    reach(bench, command, "measurement")
    crew = workers(command)
    command.send_signal(number)
    assert finish(command).code == 130
    assert are_gone(crew)
    assert [end["outcome"] for end in bench.lines("end")] == ["interrupted"]
    assert list((bench.out / "charts").glob("*.svg"))


def test_workers_follow_a_parent_that_is_killed(bench: Bench, database: Database) -> None:
    """Forbids workers that go on for ever, measuring for nobody."""
    command = start(bench, *TO_MEASUREMENT)
    reach(bench, command, "measurement")
    crew = workers(command)
    os.kill(command.pid, signal.SIGKILL)
    assert are_gone(crew)
    command.communicate(timeout=LONGEST_S)
    assert len(bench.lines("run")) > 4
    wait_until(lambda: connections(database) == 0)
    drawn = bench("charts", str(bench.out))
    assert drawn.code == 0, drawn


def test_asyncio_logs_nothing_of_a_result_that_comes_too_late() -> None:
    """Defect: Ctrl-C in `bench overhead --guard` printed "Exception in callback shield" with a
    traceback of InvalidStateError.
    """
    script = """
import asyncio, logging
from bench.system import interrupts

interrupts.hear()
for error in (ValueError(), asyncio.InvalidStateError()):
    logging.getLogger("asyncio").error("in callback", exc_info=error)
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.count("in callback") == 1
    assert "ValueError" in done.stderr
