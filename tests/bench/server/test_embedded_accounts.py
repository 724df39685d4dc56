"""The accounts of the embedded server: its user, the users that may connect, files given away."""

import logging
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.model.errors import BenchError
from bench.server import account as server_account
from bench.server.account import account_for_caller
from bench.server.embedded import EmbeddedServer
from bench.server.place import enter
from bench.server.programs import binary
from tests.bench.server.embedded_server import ask, pid_of

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def test_folders_and_socket_are_private(server: EmbeddedServer) -> None:
    server.start()
    account = account_for_caller()
    sockets = server.status().socket_folder
    assert sockets is not None
    for path in (server.folder, server.data, sockets, sockets / ".s.PGSQL.5432"):
        status = path.lstat()
        assert stat.S_IMODE(status.st_mode) == 0o700, path
        assert status.st_uid == account.uid


@as_root
def test_another_user_is_refused_even_at_the_socket(stopped: EmbeddedServer) -> None:
    """Forbids trust authentication: the server checks every user who reaches the socket."""

    def connect() -> str:
        program = [str(binary("psql")), url, "-Atc", "select 'inside'"]
        done = subprocess.run(
            program, user="nobody", group="nogroup", extra_groups=[], cwd="/",
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode != 0
        assert "inside" not in done.stdout
        return done.stderr

    url = stopped.start()
    assert "Permission denied" in connect()
    for path in (
        stopped.folder,
        stopped.folder / "socket",
        stopped.folder / "socket" / ".s.PGSQL.5432",
    ):
        path.chmod(0o777)
    assert "Peer authentication failed" in connect()


@as_root
def test_root_may_pass_where_nobody_could(
    own: EmbeddedServer, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Forbids opening root's folders for reading: only the right to pass is added, and logged."""
    shut = place / "home"
    (shut / "project").mkdir(parents=True)
    shut.chmod(0o700)
    below = EmbeddedServer(shut / "project" / "postgres")
    with caplog.at_level(logging.WARNING):
        assert ask(below.start(), "select 1") == 1
    assert stat.S_IMODE(shut.stat().st_mode) == 0o701
    assert str(shut) in caplog.text
    caplog.clear()
    below.stop()
    below.start()
    below.stop()
    assert caplog.text == ""


@as_root
def test_two_first_starts_at_once(own: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbids a refusal of our own folder: the other start gave it away before we looked again."""
    account, make = account_for_caller(), os.mkdir

    def made_and_given_away(name: str, mode: int, *, dir_fd: int | None = None) -> None:
        make(name, mode, dir_fd=dir_fd)
        os.chown(name, account.uid, account.gid, dir_fd=dir_fd)

    with monkeypatch.context() as other_start:
        other_start.setattr(os, "mkdir", made_and_given_away)
        entered = enter(own.folder, account.users, make=True)
    assert entered is not None
    entered.close()
    assert ask(own.start(), "select 1") == 1


@as_root
def test_an_ordinary_user_runs_it_as_himself(place: Path) -> None:
    code = """
import fcntl, os, pwd, sys, psutil, psycopg
from pathlib import Path
from bench.server.embedded import EmbeddedServer
user = pwd.getpwnam("nobody")
os.setgroups([]); os.setgid(user.pw_gid); os.setuid(user.pw_uid)
server = EmbeddedServer(Path(sys.argv[1]))
url = server.start()
assert server.start() == url
assert psycopg.connect(url).execute("select 1").fetchone() == (1,)
assert psutil.Process(server.status().pid).username() == "nobody"
assert server.stop() and not server.stop()
"""
    place.chmod(0o1777)
    command = [sys.executable, "-c", code, str(place / "postgres")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    after = EmbeddedServer(place / "postgres")
    for act in (after.start, after.stop, after.status):
        with pytest.raises(BenchError, match=r"belongs to another user.*\n.*GATHERBENCH_HOME"):
            act()


def test_a_long_path(place: Path, new_server: Callable[[Path], EmbeddedServer]) -> None:
    """Forbids the wheel's solution: a socket in a folder that any user can enter or prepare."""
    server = new_server(place / ("long" * 30) / "postgres")
    assert ask(server.start(), "select 1") == 1
    sockets = server.status().socket_folder
    assert sockets is not None
    assert server.folder not in sockets.parents
    assert stat.S_IMODE(sockets.lstat().st_mode) == 0o700
    assert sockets.lstat().st_uid == account_for_caller().uid
    server.stop()
    server.start()
    assert server.status().socket_folder == sockets

    shutil.rmtree(sockets)  # a cleaner of temporary files does this while the server runs
    pid = pid_of(server)
    assert ask(server.start(), "select 1") == 1
    assert pid_of(server) != pid

    server.stop()
    squatted = Path((server.folder / "socket-folder").read_text())
    shutil.rmtree(squatted)
    squatted.mkdir()
    squatted.chmod(0o777)
    assert ask(server.start(), "select 1") == 1
    assert server.status().socket_folder != squatted
    squatted.rmdir()
    server.stop()
    shutil.rmtree((server.folder / "socket-folder").read_text())


@as_root
def test_root_does_not_follow_a_link(stopped: EmbeddedServer, place: Path) -> None:
    """Forbids giving away, as root, the target of a link that the server's user made."""
    other = place / "other"
    other.mkdir()
    shutil.rmtree(stopped.folder / "socket")
    (stopped.folder / "socket").symlink_to(other)
    with pytest.raises(BenchError, match="socket"):
        stopped.start()
    assert other.stat().st_uid == 0


@as_root
def test_no_useradd(own: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_account, "SYSTEM_USER", "gatherbench-none")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr("shutil.which", lambda *names, **options: None)
    with pytest.raises(BenchError, match=r"useradd is missing.*\n.*--database-url"):
        own.start()
