"""Other users of the machine, and URLs without a server or a database."""

import os
import socket
import subprocess
import sys
import sysconfig
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bench.server.embedded import EmbeddedServer
from tests.bench.command import Bench, Done
from tests.faults.campaign import NOBODY, needs_root
from tests.faults.fault import Fault
from tests.root import ROOT

OTHERS_HOME = Fault(
    "GATHERBENCH_HOME belongs to another user",
    "error: … belongs to another user (uid 65534).",
    1,
)
OTHERS_SERVER = Fault(
    "another user of the machine connects to the embedded server",
    "error: … (…Permission denied…).",
    1,
)
NOBODY_LISTENS = Fault("no server listens at the URL", "error: cannot connect to … (…).", 1)
NO_DATABASE = Fault(
    "the URL names a database that does not exist", "error: no such database or user at …", 1
)
UNREADABLE = Fault(
    "the URL is not a PostgreSQL URL", "error: the database URL must begin with …", 2
)
FEW_PROCESSES = Fault(
    "this user may start no more processes (ulimit -u)",
    "error: resource temporarily unavailable.",
    1,
)


@needs_root
def test_a_home_of_somebody_else(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".gatherbench" / "postgres18").mkdir(parents=True)
    for path in (home, home / ".gatherbench", home / ".gatherbench" / "postgres18"):
        os.chown(path, NOBODY, NOBODY)
    bench = Bench(tmp_path)
    bench.environment["GATHERBENCH_HOME"] = str(home)
    OTHERS_HOME.is_shown_by(bench("db", "start"))
    assert [path.name for path in (home / ".gatherbench").iterdir()] == ["postgres18"]


WHO: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "cwd": "/"}


def as_nobody(bench: Bench, *arguments: str, limits: str = "") -> Done:
    """Run it as a user that owns no files. Skips the test if that user cannot run Python."""
    paths = (str(ROOT), sysconfig.get_path("purelib"))
    environment = bench.environment | {"PYTHONPATH": ":".join(paths), "HOME": "/nonexistent"}
    for python in (sys.executable, "/usr/bin/python3"):
        with suppress(OSError):
            trial = [python, "-c", "import bench.cli.main, psycopg, psutil"]
            if subprocess.run(trial, env=environment, capture_output=True, **WHO).returncode == 0:
                break
    else:
        pytest.skip(f"another user may not run {sys.executable}, nor is there another Python")
    shell = ["bash", "-c", f'{limits}exec "$@"', "bash", python, "-m", "bench.cli", *arguments]
    done = subprocess.run(shell, env=environment, capture_output=True, text=True, **WHO)
    assert "Traceback" not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


@needs_root
def test_the_embedded_server_lets_nobody_else_in(tmp_path: Path, server: EmbeddedServer) -> None:
    bench = Bench(tmp_path, server.start())
    OTHERS_SERVER.is_shown_by(as_nobody(bench, "run", "--profile=smoke", "--out=/tmp/never"))
    assert not Path("/tmp/never").exists()


@needs_root
def test_few_processes_are_allowed() -> None:
    """Forbids a traceback if the system starts no more processes."""
    with tempfile.TemporaryDirectory(prefix="gatherbench-test-") as name:
        home = Path(name)
        os.chown(home, NOBODY, NOBODY)
        bench = Bench(home)
        done = as_nobody(bench, "run", "--profile=smoke", limits="ulimit -u 0; ")
        FEW_PROCESSES.is_shown_by(done)


@pytest.mark.parametrize(
    ("fault", "url"),
    [
        (NOBODY_LISTENS, "postgresql://someone@127.0.0.1:{port}/shop"),
        (UNREADABLE, "mysql://someone@127.0.0.1/shop"),
    ],
    ids=lambda value: value.what if isinstance(value, Fault) else "",
)
def test_a_bad_url(tmp_path: Path, fault: Fault, url: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        bad = url.format(port=probe.getsockname()[1])
        fault.is_shown_by(Bench(tmp_path, bad)("run", "--profile=smoke"))


def test_a_database_that_is_not_there(bench: Bench, server: EmbeddedServer) -> None:
    bench.environment["DATABASE_URL"] = server.start().replace("@/postgres?", "@/nowhere?")
    NO_DATABASE.is_shown_by(bench("run", "--profile=smoke"))
