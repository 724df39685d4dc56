"""What the tests of faults have in common: a long measurement, and what may not be left behind."""

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
from tests.bench.command import Bench, wait_until

SOME = 3
"""Runs after which a measurement is in its midst."""

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

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do that here")


def measure(bench: Bench, *options: str) -> "subprocess.Popen[str]":
    """Measure for hours, writes among it; return in the midst of it."""
    command = begin(bench, *options)
    wait_until(lambda: len(bench.lines("run")) > SOME or command.poll() is not None, 60)
    return command


def begin(bench: Bench, *options: str) -> "subprocess.Popen[str]":
    """Measure for hours, unless the options say otherwise."""
    return bench.start("run", *LONG, f"--out={bench.out}", *options)


def goes_on(bench: Bench, command: "subprocess.Popen[str]", runs: int = 3) -> None:
    """Wait until it has done more runs."""
    before = len(bench.lines("run"))
    wait_until(lambda: len(bench.lines("run")) > before + runs or command.poll() is not None, 60)
    assert command.poll() is None, command.communicate()


def processes_of(command: "subprocess.Popen[str]") -> list[psutil.Process]:
    """All that it has started by now."""
    try:
        return psutil.Process(command.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def is_clean(processes: list[psutil.Process], database: Database | None = None) -> None:
    """No process is left, and in the database no session, no lock, no half a schema."""
    # What serves on is the database itself, and whatever a command started is gone in a moment.
    _, alive = psutil.wait_procs([p for p in processes if "postgres" not in _name(p)], timeout=20)
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
    """Sessions in this database beside the one that asks; each holds its locks until it ends."""
    query = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
          AND backend_type = 'client backend'
    """
    with database.connect() as connection:
        (number,) = connection.execute(query).fetchone() or (0,)
    return int(number)


def kept(bench: Bench, outcome: str = "failed") -> None:
    """What was measured before is in the file, which says how it ended, and can be drawn."""
    assert len(bench.lines("run")) > SOME
    assert [end["outcome"] for end in bench.lines("end")] == [outcome]
    assert (bench.out / "report.html").exists()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of this size in memory. Skips the test where it may not be mounted."""
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
    """Have every command of this bench set limits to itself first: statements of Python."""
    (bench.folder / "sitecustomize.py").write_text(
        "import os, resource, sys\n"
        "if sys.argv[0].endswith('bench') or sys.argv[:1] == ['-c']:\n"
        f"    {limits}\n"
    )
