"""A PgBouncer of a run's own: how it logs in, and that it leaves nothing."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from bench.execution.links import Links
from bench.model.case import Case
from bench.model.errors import BenchError
from bench.model.pool import Pool
from bench.server.drivers import driver_url
from bench.server.embedded import EmbeddedServer
from bench.server.pgbouncer import PgBouncer, Program, installed
from bench.server.url import changed, parse
from bench.studies.pool.console import totals
from tests.bench.command import wait_until
from tests.listening import PASSWORD, Listening, listening

pytestmark = pytest.mark.skipif(installed() is None, reason="PgBouncer is not installed")

NEW, OLD = Program("pgbouncer", "1.24.1"), Program("pgbouncer", "1.18.0")


def program() -> Program:
    found = installed()
    assert found is not None
    return found


@pytest.fixture(scope="module")
def remote() -> Iterator[Listening]:
    """Give a server that wants a password by TCP."""
    with listening("host all all 127.0.0.1/32 scram-sha-256\n") as server:
        yield server


def running(folder: Path) -> list[int]:
    """Return the processes that were started for this folder."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in word for word in process.info["cmdline"] or ())
    ]


def folder_of(url: str) -> Path:
    return Path(parse(url)["host"])


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg", "asyncpg", "pg8000", "psqlpy"])
def test_each_drivers_url_leads_through_it(server: EmbeddedServer, driver: str) -> None:
    """Forbids a password, or TLS, that a driver would ask a Unix socket for."""
    url = driver_url(changed(server.start(), sslmode="disable", password="x"), driver)
    with PgBouncer(program(), server.start(), 2) as between:
        through = between.url(url)
        assert {"sslmode", "password"}.isdisjoint(parse(through))
        assert parse(through)["dbname"] == parse(url)["dbname"]
        with psycopg.connect(through) as client:
            (process,) = client.execute("SELECT pg_backend_pid()").fetchone() or (0,)
            assert process != client.info.backend_pid


def test_it_has_as_many_connections_as_asked(server: EmbeddedServer) -> None:
    with PgBouncer(program(), server.start(), 2) as between:
        url = between.url(server.start())
        clients = [psycopg.connect(url, autocommit=True) for _ in range(4)]
        for client in clients:
            client.execute("SELECT 1")
        found = totals(url)
        for client in clients:
            client.close()
    assert found is not None
    assert 1 <= found.connections <= 2
    assert found.transactions >= len(clients)


def test_nothing_is_left(server: EmbeddedServer) -> None:
    """Forbids a PgBouncer, or its file with the password, that outlives the command."""
    with PgBouncer(program(), server.start(), 1) as between:
        folder = folder_of(between.url(server.start()))
        assert folder.stat().st_mode & 0o077 == 0
        assert not (folder / "pgbouncer.ini").exists()
        assert running(folder)
    assert not running(folder)
    assert not folder.exists()


def test_it_ends_with_a_command_that_is_killed(server: EmbeddedServer) -> None:
    """Forbids a PgBouncer that nobody ends: Ctrl-C does not reach it, nor does SIGKILL."""
    script = (
        "import sys, time; from bench.server.pgbouncer import PgBouncer, installed;"
        "url = sys.argv[1]; print(PgBouncer(installed(), url, 1).url(url), flush=True);"
        "time.sleep(100)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, server.start()], stdout=subprocess.PIPE, text=True
    ) as command:
        assert command.stdout is not None
        folder = folder_of(command.stdout.readline().strip())
        assert running(folder)
        command.kill()
    wait_until(lambda: not running(folder))
    assert not (folder / "pgbouncer.ini").exists(), "it has the password"
    shutil.rmtree(folder)


def test_a_server_that_wants_a_password(remote: Listening) -> None:
    """Forbids a password that its file's quotes change."""
    with PgBouncer(program(), remote.url(), 1) as between:
        through = between.url(remote.url())
        assert PASSWORD not in through
        with psycopg.connect(through) as client:
            assert client.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"password": "wr0ng"}, "password authentication failed"),
        ({"options": "-c statement_timeout=9000"}, "its URL has options"),
        ({"sslcert": "/client.crt"}, "its URL has a client certificate"),
        ({"hostaddr": "127.0.0.1", "sslmode": "verify-full"}, "hostaddr together with"),
    ],
)
def test_a_url_that_it_cannot_log_in_by(
    remote: Listening, parameters: dict[str, str], words: str
) -> None:
    """Forbids a run that fails because of a row that nobody asked for, and a secret in its text."""
    url = remote.url(**parameters)
    with pytest.raises(BenchError, match=words) as error:
        PgBouncer(program(), url, 1)
    assert len(str(error.value).splitlines()) == 2
    assert "wr0ng" not in str(error.value)
    with Links(url) as links:
        reason = links.start_pgbouncers([Case("asyncpg", "mixed", pool=Pool(pooler_size=1))])
    assert words in reason


def test_prepared_statements_follow_a_client_from_1_21_on() -> None:
    assert NEW.keeps_prepared
    assert not OLD.keeps_prepared
    assert Program("pgbouncer", "1.21").keeps_prepared
