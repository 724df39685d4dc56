"""The embedded server starts, serves and stops, for several processes and in any folder."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from bench.model.errors import BenchError
from bench.server import embedded as server_module
from bench.server.embedded import EmbeddedServer
from tests.bench.command import LONGEST_S
from tests.bench.server.embedded_server import ask, in_process, pid_of


def test_start_is_idempotent_and_runs_no_program_when_running(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forbids a slow start: every command starts the server, so a running one must cost little."""
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
    """Forbids a URL without its port: libpq would then use the socket of PGPORT."""
    monkeypatch.setenv("PGPORT", "6543")
    assert ask(server.start(), "select 1") == 1


def test_commands_at_once_start_one_server(own: EmbeddedServer) -> None:
    starting = [in_process(own, "start") for _ in range(4)]
    said = [process.communicate(timeout=LONGEST_S) for process in starting]
    assert {answer.strip() for answer, _ in said} == {own.start()}, [error for _, error in said]


def test_starts_and_stops_at_once_do_not_break_each_other(own: EmbeddedServer) -> None:
    commands = [in_process(own, verb) for verb in ["start", "stop"] * 4]
    for process in commands:
        said = process.communicate(timeout=LONGEST_S)
        assert process.returncode == 0, said
    assert ask(own.start(), "select 1") == 1


def test_it_outlives_its_starter_and_closes_its_pipes(stopped: EmbeddedServer) -> None:
    """Forbids a server that keeps its starter's pipe open: a reader would wait forever."""
    starter = in_process(stopped, "start")
    said, _ = starter.communicate(timeout=LONGEST_S)
    assert ask(said.strip(), "select 1") == 1


def test_ctrl_c_in_the_terminal_does_not_reach_it(stopped: EmbeddedServer) -> None:
    stopped.start()
    assert os.getsid(pid_of(stopped)) != os.getsid(0)
    assert os.getpgid(pid_of(stopped)) != os.getpgid(0)


def test_an_odd_path(place: Path, new_server: Callable[[Path], EmbeddedServer]) -> None:
    server = new_server(place / 'it\'s $HOME, "so" `what`; 100% é' / "postgres")
    assert ask(server.start(), "select 1") == 1
    sockets = server.status().socket_folder
    server.stop()
    assert sockets is not None
    shutil.rmtree(sockets)


def test_a_busy_server_is_waited_for(stopped: EmbeddedServer) -> None:
    """Forbids ending a server that is in use because it did not answer at once."""
    stopped.start()
    pid = pid_of(stopped)
    os.kill(pid, signal.SIGSTOP)
    starter = in_process(stopped, "start")
    time.sleep(5)  # longer than the timeout of one question to the server
    assert starter.poll() is None
    os.kill(pid, signal.SIGCONT)
    starter.communicate(timeout=LONGEST_S)
    assert starter.returncode == 0
    assert pid_of(stopped) == pid


def test_the_server_takes_as_many_clients_as_a_plan_has(
    stopped: EmbeddedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A plan of 512 clients was refused: the server took 200 connections, whatever was asked."""
    url = stopped.start()
    assert ask(url, "show max_connections") == "300"
    with psycopg.connect(url), pytest.raises(BenchError, match="others are connected") as caught:
        stopped.start(512)
    assert len(str(caught.value).splitlines()) == 2
    url = stopped.start(512)
    assert int(str(ask(url, "show max_connections"))) >= 512 + 6
    assert "restarted with max_connections = 1096 for 512 clients" in caplog.text
    pid = pid_of(stopped)
    assert stopped.start() == stopped.start(64) == stopped.start(512) == url
    assert pid_of(stopped) == pid
