"""Full disks, and folders without the right to write or to run programs."""

import os
import subprocess
from pathlib import Path

import pytest

from bench.server.database import Database
from bench.server.embedded import EmbeddedServer
from tests.bench.command import Bench, finish
from tests.databases import new_database
from tests.faults.campaign import SOME, begin, is_clean, measure, needs_root, small_disk
from tests.faults.fault import Fault

RESULTS_FULL = Fault(
    "the disk of the results becomes full during a run",
    "error: cannot write to …/run.jsonl: No space left on device.",
    1,
)
DATA_FULL = Fault(
    "the disk of the server's data becomes full while rows are loaded",
    "error: the server's disk is full at … (could not extend file …: No space left on device).",
    1,
)
READ_ONLY_RESULTS = Fault(
    "the folder of the results is read-only",
    "error: cannot write results to …: Read-only file system.",
    1,
)
READ_ONLY_HOME = Fault(
    "GATHERBENCH_HOME is read-only",
    "error: cannot …Read-only file system…",
    1,
)
NO_TEMPORARY = Fault(
    "TMPDIR is read-only, and no program may run from it", "the command continues", 0
)


@needs_root
def test_the_disk_of_the_results_is_full(bench: Bench, database: Database) -> None:
    """Forbids 'cannot write None' instead of the first error, and a lost table."""
    with small_disk(bench.folder / "small", "200k") as disk:
        bench.out = disk / "out"
        command = measure(bench, "--seconds=0.05", "--rounds=400")
        done = finish(command)
        RESULTS_FULL.is_shown_by(done)
        assert len(bench.lines("run")) > SOME
        assert "operations/s" in done.out
        assert "None" not in done.err
        assert f"bench charts {bench.out}" in done.error[1]
    is_clean([], database)


@needs_root
def test_the_disk_of_the_server_is_full(tmp_path: Path, mortal: EmbeddedServer) -> None:
    """Forbids 'lost the server' for a server whose disk is full."""
    with new_database(mortal) as database, small_disk(mortal.folder / "small", "8m") as disk:
        bench = Bench(tmp_path, database.url)
        owner = mortal.data.stat()
        os.chown(disk, owner.st_uid, owner.st_gid)
        with database.connect() as connection:
            name = connection.info.dbname
            connection.execute(f"CREATE TABLESPACE small_{name} LOCATION '{disk}'")
            connection.execute(f"ALTER DATABASE {name} SET default_tablespace = small_{name}")
        done = bench("run", "--profile=smoke", "--scale=1", f"--out={bench.out}")
        DATA_FULL.is_shown_by(done)
        assert "smaller --scale" in done.error[1]
        assert not bench.out.exists()
        is_clean([], database)
        with database.connect() as connection:
            connection.execute("DROP SCHEMA gatherbench CASCADE")
            connection.execute(f"ALTER DATABASE {name} RESET default_tablespace")
            connection.execute(f"DROP TABLESPACE small_{name}")


def read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro,noexec", str(folder)], check=True)


@needs_root
def test_results_may_not_be_written(bench: Bench) -> None:
    with small_disk(bench.folder / "small", "1m") as disk:
        read_only(disk)
        READ_ONLY_RESULTS.is_shown_by(bench("run", "--profile=smoke", f"--out={disk}/out"))


@needs_root
@pytest.mark.parametrize("command", [("db", "start"), ("run", "--profile=smoke")], ids=str)
def test_the_home_may_not_be_written(tmp_path: Path, command: tuple[str, ...]) -> None:
    with small_disk(tmp_path / "small", "1m") as disk:
        read_only(disk)
        bench = Bench(tmp_path)
        bench.environment["GATHERBENCH_HOME"] = str(disk)
        done = bench(*command)
        READ_ONLY_HOME.is_shown_by(done)


@needs_root
def test_nothing_temporary_can_be_written(bench: Bench, database: Database) -> None:
    with small_disk(bench.folder / "small", "1m") as disk:
        read_only(disk)
        bench.environment["TMPDIR"] = str(disk)
        done = finish(begin(bench, "--rounds=2"))
        assert done.code == NO_TEMPORARY.code, done
    is_clean([], database)


def test_the_home_is_a_file(tmp_path: Path) -> None:
    """Forbids a traceback for a home that is not a folder."""
    (tmp_path / "file").write_text("")
    bench = Bench(tmp_path)
    bench.environment["GATHERBENCH_HOME"] = str(tmp_path / "file")
    done = bench("db", "start")
    assert done.code == 1
    assert 1 <= len(done.error) <= 2
