"""`bench db` on an embedded server of a single test."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench.cli.db import NOT_RUNNING, db
from bench.model.errors import BenchError
from bench.server.database import Database
from bench.server.embedded import EmbeddedServer, default_folder
from bench.server.url import changed, masked

SECRET = "hush!"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gatherbench-test-") as folder:
        monkeypatch.setenv("GATHERBENCH_HOME", folder)
        monkeypatch.delenv("DATABASE_URL", raising=False)
        yield Path(folder)
        EmbeddedServer(default_folder()).stop()


def bench_db(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(db, arguments, input=answer, prog_name="bench db")


def in_process(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run `bench db` as a separate program, because psql replaces the calling process."""
    command = [sys.executable, "-c", "from bench.cli.db import db; db()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_day_of_the_embedded_server(home: Path) -> None:
    before = bench_db("status")
    assert before.exit_code == NOT_RUNNING
    assert "stopped" in before.output
    assert list(home.iterdir()) == []

    url = bench_db("start").output.strip().splitlines()[-1]
    assert url.startswith("postgresql://postgres@/postgres?host=")
    assert bench_db("start").output.strip() == url

    during = bench_db("status")
    assert during.exit_code == 0
    for part in ("running", url, str(home), "18."):
        assert part in during.output

    psql = in_process("psql", "-At", "-c", "select 6 * 7")
    assert (psql.returncode, psql.stdout) == (0, "42\n"), psql.stderr

    assert bench_db("stop").output == "stopped\n"
    assert bench_db("stop").output == "the server was not running\n"


def test_url_starts_the_server_when_needed() -> None:
    url = bench_db("url").output.strip().splitlines()[-1]
    with Database(url).connect() as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_another_server(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    url = changed(database.url, password=SECRET)
    said = bench_db("status", "--database-url", url)
    assert said.exit_code == 0
    assert "free " in said.output
    shown = masked(url)
    assert "postgres:***@" in shown
    assert shown in said.output
    monkeypatch.setenv("DATABASE_URL", url)
    assert bench_db("url").output == f"{shown}\n"
    assert not default_folder().exists()


def test_psql_hides_the_password_from_the_list_of_processes(database: Database) -> None:
    """Forbids a password among psql's arguments, which every user of the machine can read."""
    url = changed(database.url, password=SECRET)
    show = "\\! tr '\\0' ' ' < /proc/$PPID/cmdline; echo; echo $PGPASSWORD"
    done = in_process("psql", "--database-url", url, "-c", show)
    assert done.returncode == 0, done.stderr
    arguments, password = done.stdout.splitlines()
    assert "psql" in arguments
    assert "hush" not in arguments
    assert password == "hush!"


def test_reset_drops_our_schema_once(database: Database) -> None:
    from bench.dataset.schema import create

    with database.connect() as connection:
        create(connection)
        connection.execute("create table public.customer (id int)")
    declined = bench_db("reset", "--database-url", database.url, answer="n\n")
    assert declined.exit_code == 1
    assert "Drop the schema gatherbench in" in declined.output
    dropped = bench_db("reset", "--yes", "--database-url", database.url)
    assert dropped.output == "dropped the schema gatherbench\n"
    again = bench_db("reset", "--database-url", database.url, answer="y\n")
    assert again.output.endswith("there was nothing to drop\n")
    with database.connect() as connection:
        connection.execute("select * from public.customer")


def test_reset_leaves_a_schema_that_is_not_ours(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("create schema gatherbench create table mine (id int)")
    refused = bench_db("reset", "--yes", "--database-url", database.url)
    assert isinstance(refused.exception, BenchError)
    with database.connect() as connection:
        connection.execute("select * from gatherbench.mine")


@pytest.mark.parametrize("command", ["start", "stop", "status", "url", "psql", "reset"])
def test_every_command_has_an_example(command: str) -> None:
    said = bench_db(command, "--help").output
    assert "Example:" in said
    assert "bench db" in said
