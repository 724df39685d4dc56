"""Wrong workload files, in every command that takes one."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.cli.main import cli
from bench.model.errors import BenchError, UsageError
from bench.server.database import Database
from tests.bench.cli.test_workload_files import assert_nothing_is_left
from tests.bench.cli.workload_files import COMMANDS
from tests.bench.command import Bench, ctrl_c, finish, wait_until

HEAD = """
import asyncio, itertools
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection
from bench.workloads import Read, Unit, Workload
r = Read('r', sql='SELECT n FROM generate_series(1, 30) AS n ORDER BY n')
numbers = itertools.count()
def f(s: Connection):
    with s.begin():
        return s.scalar(text('SELECT 1'))
"""
EMPTY = "arguments='SELECT 1 WHERE false'"
REFUSED = {
    "no import": ("import absent_of_mine", "line 11: ModuleNotFoundError"),
    "no workload": ("del r", "declares no workload"),
    "asyncio.run": ("async def m(): pass\nasyncio.run(m())", "it calls asyncio.run()"),
    "policy": (
        "asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())",
        "it changes the event loop policy",
    ),
    "columns()": (
        "q = Read('q', core=text('SELECT 1 AS n').columns())",
        "the read q: core= is a TextualSelect, and no select()",
    ),
    "two texts": (
        "q = Read('q', sql='SELECT 1', core=text('SELECT 1'))",
        "the read q: it has sql= and core=text(...), which is SQL text too",
    ),
    "typed text": (
        "q = Read('q', core=text('SELECT :i').bindparams(i=1))",
        "the read q: core=text(...) has bindparams() with values or types",
    ),
    "a string": (
        "q = Read('q', sql='SELECT 1', orm='SELECT 1')",
        "the read q: orm= is a str, and no select()",
    ),
    "weight 0": ("w = Workload('w', {r: 0})", "with the weight 0"),
    "weight -1": ("w = Workload('w', {r: -1})", "with the weight -1"),
    "think time": ("w = Workload('w', {r: 1}, think_s=-1)", "has think_s=-1"),
    "no arguments": (
        f"q = Read('q', sql='SELECT :i::int', {EMPTY})\nw = Workload('w', {{q: 1}})",
        "the read q: the query of arguments= returned no rows",
    ),
    "a setup": (
        "def make(c):\n    raise ValueError('mine')\nw = Workload('w', {r: 1}, setup=make)",
        "make, the setup of the workload w failed (ValueError: mine)",
    ),
}


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_file_is_two_lines_in_every_command(
    command: str,
    text: str,
    words: str,
    tmp_path: Path,
    empty: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Forbids a traceback in one command for what another refuses, and a database that stays."""
    monkeypatch.setenv("GATHERBENCH_HOME", str(tmp_path))
    file = tmp_path / "shop.py"
    file.write_text(HEAD + text)
    url = f"--database-url={empty.url}"
    words_typed = [*COMMANDS[command], "--backend=psycopg", url, f"--workload-file={file}"]
    done = CliRunner().invoke(cli, words_typed, standalone_mode=False)
    assert isinstance(done.exception, BenchError), done.output
    assert isinstance(done.exception, UsageError) == ("setup" not in words)  # exit code 2, or 1
    lines = str(done.exception).splitlines()
    assert len(lines) == 2
    assert words in lines[0]
    assert str(file) in lines[0] or str(file) in lines[1]
    assert not (tmp_path / "results").exists()
    assert_nothing_is_left(empty)


FAILED = {
    "a transaction": (
        "def g(s: Connection):\n    return s.scalar(text('SELECT 1'))\n"
        "w = Workload('w', {g: 1}, setup='')",
        "g leaves a transaction open on core+psycopg",
    ),
    "a restore": (
        "def back(c):\n    raise ValueError('mine')\n"
        "w = Workload('w', {f: 1}, setup='', restore=back)",
        "back, the restore of the workload w failed (ValueError: mine)",
    ),
    "the second restore": (
        "def back(c):\n    if next(numbers):\n        raise ValueError('mine')\n"
        "w = Workload('w', {f: 1}, setup='', restore=back)",
        "back, the restore of the workload w failed (ValueError: mine)",
    ),
    "a round": (
        "def g(s: Connection):\n    with s.begin():\n"
        "        s.execute(text('SELECT 1/0' if next(numbers) > 2 else 'SELECT 1'))\n"
        "w = Workload('w', {g: 1}, setup='')",
        "division by zero",
    ),
    "the process": (
        "import os\ndef g(s: Connection):\n    os._exit(3)\nw = Workload('w', {g: 1}, setup='')",
        "g cannot run on core+psycopg (its process died)",
    ),
}


@pytest.mark.parametrize("name", FAILED)
@pytest.mark.parametrize("command", ["run", "verify", "saturate", "calibrate"])
def test_what_goes_wrong_in_a_run_leaves_nothing(
    command: str, name: str, bench: Bench, database: Database
) -> None:
    """Forbids a traceback, a database of ours and an open transaction, after the user's error."""
    text, words = FAILED[name]
    if command == "verify" and name in ("the second restore", "a round"):
        pytest.skip("verification ends before it")
    (bench.folder / "shop.py").write_text(HEAD + text)
    done = bench(*COMMANDS[command], "--backend=core+psycopg", "--workload-file=shop.py")
    assert done.code == 1, done
    assert len(done.error) == 2
    assert words in done.error[0]
    assert_nothing_is_left(database)


def test_values_of_twins_are_compared_in_bench_verify(bench: Bench, database: Database) -> None:
    """Forbids that an async twin that returns another value passes."""
    (bench.folder / "shop.py").write_text(
        f"{HEAD}async def g(s: AsyncConnection):\n    async with s.begin():\n        return 2\n"
        "w = Workload('w', {Unit('u', f, g): 1}, setup='')"
    )
    two = ("--backend=core+psycopg", "--backend=core+asyncpg")
    done = bench("verify", *two, "--workload-file=shop.py")
    assert done.code == 1, done
    assert "u() returns 1 on core+psycopg and 2 on core+asyncpg" in done.error[0]
    assert_nothing_is_left(database)


def test_an_answer_that_differs_is_named_by_bench_verify(bench: Bench) -> None:
    """Forbids that bench verify, which times nothing, leaves a backend out without a word."""
    (bench.folder / "shop.py").write_text(
        f"{HEAD}from sqlalchemy import literal, select\n"
        "q = Read('q', sql='SELECT 1 AS n', core=select(literal(2).label('n')))\n"
    )
    two = ("--backend=psycopg", "--backend=core+psycopg")
    done = bench("verify", *two, "--workload-file=shop.py")
    assert done.code == 1, done
    assert done.out.splitlines()[0].split()[:2] == ["ok", "psycopg"]
    assert done.out.splitlines()[1].split()[:2] == ["differs", "core+psycopg"]


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_ends_an_import_that_never_ends(command: str, bench: Bench) -> None:
    """Forbids that a file with an endless loop can be ended by SIGKILL alone.

    Defect: `bench calibrate` said that there were too few rounds, before it had begun to measure.
    """
    (bench.folder / "shop.py").write_text("open('begun', 'w').close()\nwhile True: pass\n")
    begun = bench.folder / "begun"
    started = bench.start(*COMMANDS[command], "--backend=psycopg", "--workload-file=shop.py")
    wait_until(lambda: begun.exists() or started.poll() is not None)
    ctrl_c(started)
    done = finish(started)
    assert done.code == 130, done
    assert done.err.strip() == "interrupted"
