"""Connections to a real server, and the errors when connecting fails."""

import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest

from bench.model.errors import BenchError, UsageError
from bench.server import database as database_module
from bench.server.database import Database, postmaster_pid, redact
from bench.server.embedded import EmbeddedServer
from bench.server.resolution import resolve
from tests.bench.conftest import PASSWORD

HIDDEN = quote(PASSWORD, safe="")


def failure(url: str) -> str:
    """Return the text of the error of connecting to `url`, which has at most two lines."""
    with pytest.raises(BenchError) as caught:
        resolve(url).connect()
    said = str(caught.value)
    assert len(said.splitlines()) <= 2
    assert caught.value.__cause__ is None
    assert PASSWORD not in said
    assert HIDDEN not in said
    return said


def test_a_fresh_database(database: Database) -> None:
    with database.connect() as connection:
        assert connection.autocommit
        found = connection.execute(
            "select application_name from pg_stat_activity where pid = pg_backend_pid()"
        ).fetchone()
        assert found == ("gatherbench",)
        tables = connection.execute("select count(*) from pg_tables where schemaname = 'public'")
        assert tables.fetchone() == (0,)
    with database.connect(autocommit=False, application_name="other") as connection:
        assert not connection.autocommit


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_the_right_password(tcp: str, scheme: str) -> None:
    database = resolve(f"{scheme}://postgres:{HIDDEN}@{tcp}/postgres")
    assert database.url.startswith("postgresql://")
    with database.connect() as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert HIDDEN not in repr(database) + str(database) + database.safe_url


def test_a_wrong_password(tcp: str) -> None:
    said = failure(f"postgresql://postgres:{HIDDEN}x@{tcp}/postgres")
    assert said.startswith(f"wrong user or password for postgresql://postgres:***@{tcp}/postgres")


def test_a_missing_password(tcp: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSFILE", "/dev/null")
    monkeypatch.delenv("PGPASSWORD", raising=False)
    assert "no password given for" in failure(f"postgresql://postgres@{tcp}/postgres")


def test_a_missing_database(tcp: str) -> None:
    said = failure(f"postgresql://postgres:{HIDDEN}@{tcp}/nowhere")
    assert "no such database" in said
    assert '"nowhere" does not exist' in said


def test_nobody_listens() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        said = failure(f"postgresql://u:{HIDDEN}@127.0.0.1:{port}/db")
    assert said.startswith(f"cannot connect to postgresql://u:***@127.0.0.1:{port}/db")
    assert "refused" in said


def test_no_such_host() -> None:
    said = failure(f"postgresql://u:{HIDDEN}@nowhere.invalid/db")
    assert "no such host in postgresql://u:***@nowhere.invalid/db" in said


def test_no_such_socket(tmp_path: Path) -> None:
    said = failure(f"postgresql://u@/db?host={tmp_path}&password={HIDDEN}")
    assert f"no server has its socket at postgresql://u:***@/db?host={tmp_path}" in said


def test_a_server_that_is_silent() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        said = failure(f"postgresql://u:{HIDDEN}@127.0.0.1:{port}/db?connect_timeout=2")
    assert said.startswith("no answer in time from")


def test_too_few_connections_is_said_before_measuring(tcp: str) -> None:
    database = resolve(f"postgresql://postgres:{HIDDEN}@{tcp}/postgres")
    free = 12 - 3 - 1  # superuser_reserved_connections is 3, reserved_connections is 1
    database.check_capacity(free)
    with database.connect():
        assert database.free_connections() == free - 1
        with pytest.raises(BenchError, match=r"8 connections are needed, 7 are free at .*\n.*"):
            database.check_capacity(free)
    plain = resolve(f"postgresql://plain:plain@{tcp}/postgres")
    with database.connect():
        assert plain.free_connections() == free - 1


@pytest.mark.parametrize("kind", ["role", "database"])
def test_a_connection_limit_is_told_before_measuring(kind: str, tcp: str) -> None:
    """Defect: a role's or a database's CONNECTION LIMIT was not looked at: cases of more clients
    failed one by one, after the rest had been measured.
    """
    admin = resolve(f"postgresql://postgres:{HIDDEN}@{tcp}/postgres")
    with admin.connect() as connection:
        connection.execute("create role few login password 'few'")
        connection.execute("create database few owner few")
        connection.execute(f"alter {kind} few connection limit 3")
        try:
            few = resolve(f"postgresql://few:few@{tcp}/few")
            assert few.free_connections() == 3
            with few.connect(), pytest.raises(BenchError) as caught:
                few.check_capacity(8)
            superuser = resolve(f"postgresql://postgres:{HIDDEN}@{tcp}/few")
            assert superuser.free_connections() == 7  # no such limit is a superuser's
            connection.execute(f"alter {kind} few connection limit 0")
            advice = f"type ALTER {kind.upper()} name CONNECTION LIMIT -1"
            assert advice in failure(f"postgresql://few:few@{tcp}/few")
        finally:
            connection.execute("drop database few")
            connection.execute("drop role few")
    assert str(caught.value) == (
        f"8 connections are needed, 2 are free at postgresql://few:***@{tcp}/few"
        f" (CONNECTION LIMIT of the {kind} few 3, in use 1).\n"
        "Lower --concurrency, close other clients, or set max_connections = 14 and type"
        f' ALTER {kind.upper()} "few" CONNECTION LIMIT 9.'
    )


def test_no_connection_is_left(tcp: str) -> None:
    database = resolve(f"postgresql://postgres:{HIDDEN}@{tcp}/postgres")
    held: list[Any] = []
    try:
        with pytest.raises(BenchError, match="no connection is free at"):
            held.extend(database.connect() for _ in range(20))
    finally:
        for connection in held:
            connection.close()


def test_a_server_that_is_too_old(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "OLDEST_SERVER", 99)
    with pytest.raises(BenchError, match=r"is PostgreSQL 18.*, older than 99"):
        database.connect()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:hush@h/db",
        "u:hush@h/db",
        "host=h password=hush nosuchoption=1",
        "host=h password='hush",
        "host=h port=a password=hush",
        "postgresql://u:hu@hush@h/db",
        "postgresql://u:hush/x@h/db",
        "postgresql://u:hush/x?y@h/db",
        "postgresql://u:%hush@h/db",
        "postgresql://u:hush@h:port/db",
        "postgresql://u:hush@h/db?nosuchoption=1",
        "postgresql://u:hush@h/db?password",
    ],
)
def test_an_unreadable_url_is_not_repeated(url: str) -> None:
    """Forbids libpq's error text, which shows the end of an unescaped password as host or port."""
    with pytest.raises(UsageError) as caught:
        resolve(url)
    assert "hush" not in str(caught.value)
    assert caught.value.exit_code == 2
    assert len(str(caught.value).splitlines()) <= 2
    assert "hush" not in Database(url).safe_url


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("postgresql://u:hush@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u:hush@[::1]:5432/db", "postgresql://u:***@[::1]:5432/db"),
        ("postgresql://u:hush@a:1,b:2/db", "postgresql://u:***@a:1,b:2/db"),
        ("postgresql://u@h/db?options=a@b", "postgresql://u@h/db?options=a@b"),
        ("postgresql://h:5432/db?options=a@b", "postgresql://h:5432/db?options=a@b"),
        ("postgresql://u:hush@h/db?options=a@b", "postgresql://u:***@h/db?options=a@b"),
        ("postgresql:///db?password=hush&sslmode=allow", "postgresql://:***@/db?sslmode=allow"),
        ("postgresql:///db?pass%77ord=hush", "postgresql://:***@/db"),
        ("postgresql://u:hu?sh@h?password=hush", "postgresql://u:***@h/"),
        ("host=h dbname=db password=hush", "postgresql://:***@h/db"),
        ("postgresql://", "postgresql:///"),
    ],
)
def test_a_url_to_show(url: str, safe: str) -> None:
    assert Database(url).safe_url == safe


def test_redacting_both_forms_of_a_password() -> None:
    url = f"postgresql://u:{HIDDEN}@h/db"
    partly = quote(PASSWORD, safe="/")
    text = f"{PASSWORD}, {HIDDEN}, {HIDDEN.lower()}, {partly}"
    assert redact(text, url) == "***, ***, ***, ***"
    assert redact("nothing", "postgresql://h/db") == "nothing"


def test_the_postmaster_of_a_local_server(database: Database, server: EmbeddedServer) -> None:
    with database.connect() as connection:
        assert postmaster_pid(connection) == server.status().pid


def test_a_server_elsewhere_has_no_pid(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbids confusing a local process with a remote server that has the same pid."""
    with database.connect() as connection:
        real = psutil.Process.create_time
        monkeypatch.setattr(psutil.Process, "create_time", lambda self: real(self) - 60)
        assert postmaster_pid(connection) is None
