"""Shared parts of the fault tests: a long measurement, and checks for remains."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from accessors.sql import SCHEMA
from bench.dataset import schema
from bench.server.database import Database
from tests.bench.command import LONGEST_S, Bench, wait_until

SOME = 3
"""Number of runs after which a measurement is well under way."""

NOBODY = 65534

LONG = (
    "--profile=smoke",
    "--workload=mixed",
    "--concurrency=2",
    "--backend=psycopg2",
    "--backend=asyncpg",
    "--rounds=100000",
    "--no-verify",
    "--no-charts",
)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def measure(bench: Bench, *options: str) -> "subprocess.Popen[str]":
    """Start a measurement of hours, with writes; return when it is well under way."""
    command = begin(bench, *options)
    wait_until(lambda: len(bench.lines("run")) > SOME or command.poll() is not None)
    return command


def begin(bench: Bench, *options: str) -> "subprocess.Popen[str]":
    """Start a measurement of hours, unless the options change that."""
    return bench.start("run", *LONG, f"--out={bench.out}", *options)


def goes_on(bench: Bench, command: "subprocess.Popen[str]", runs: int = 3) -> None:
    """Wait until the command has done more runs."""
    before = len(bench.lines("run"))
    wait_until(lambda: len(bench.lines("run")) > before + runs or command.poll() is not None)
    assert command.poll() is None, command.communicate()


def processes_of(command: "subprocess.Popen[str]") -> list[psutil.Process]:
    """Return the processes that the command has started by now."""
    try:
        return psutil.Process(command.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def is_clean(processes: list[psutil.Process], database: Database | None = None) -> None:
    """Assert that no process is left, and in the database no session, lock or partial schema."""
    # Only the database itself may continue. Processes of a command may take a moment to end.
    _, alive = psutil.wait_procs(
        [p for p in processes if "postgres" not in _name(p)], timeout=LONGEST_S
    )
    assert alive == []
    if database is None:
        return
    wait_until(lambda: _sessions(database) == 0)
    with database.connect() as connection:
        assert schema.state(connection) is not schema.State.FOREIGN
        if schema.state(connection) is schema.State.OURS:
            query = "SELECT count(*) FROM pg_class WHERE relnamespace = %s::regnamespace"
            (tables,) = connection.execute(query + " AND relkind = 'r'", [SCHEMA]).fetchone() or [0]
            assert tables == len(schema.TABLES) + 1


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return ""


def _sessions(database: Database) -> int:
    """Return the number of other sessions in the database. A session holds locks until it ends."""
    query = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
          AND backend_type = 'client backend'
    """
    with database.connect() as connection:
        (number,) = connection.execute(query).fetchone() or (0,)
    return int(number)


def kept(bench: Bench, outcome: str = "failed") -> None:
    """Assert that the file has the finished runs and the outcome, and that the report exists."""
    assert len(bench.lines("run")) > SOME
    assert [end["outcome"] for end in bench.lines("end")] == [outcome]
    assert (bench.out / "report.html").exists()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Give a file system of this size in memory. Skips the test if mounting is not allowed."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = subprocess.run(["mount", *options], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def limited(bench: Bench, limits: str) -> None:
    """Make every command of this bench run the Python statements `limits` at its start."""
    (bench.folder / "sitecustomize.py").write_text(
        "import os, resource, sys\n"
        "if sys.argv[0].endswith('bench') or sys.argv[:1] == ['-c']:\n"
        f"    {limits}\n"
    )
