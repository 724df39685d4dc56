"""PgBouncer in front of the server, in each of its modes."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from bench.dataset import schema
from bench.server.embedded import EmbeddedServer
from tests.bench.command import Bench, finish, wait_until
from tests.faults.campaign import begin
from tests.faults.fault import Fault, is_well

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

SESSION = Fault("PgBouncer, session mode", "the command measures through the pooler", 0)
REFUSED = {
    "transaction": Fault(
        "PgBouncer, transaction mode",
        "error: a connection pooler in transaction mode is at …: it gives each transaction another"
        " connection, so a lock of a session is not kept.",
        1,
    ),
    "statement": Fault(
        "PgBouncer, statement mode",
        "error: a connection pooler in statement mode is at …: it gives each statement another"
        " connection, so a lock of a session is not kept.",
        1,
    ),
}

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")


@contextmanager
def pooler(server: EmbeddedServer, mode: str, *settings: str) -> Iterator[str]:
    """Give the URL of a PgBouncer in front of the server."""
    assert PROGRAM is not None
    with psycopg.connect(server.start()) as connection:
        place = connection.info.host
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="gatherbench-test-") as name:
        folder = Path(name)
        file = folder / "pgbouncer.ini"
        lines = [
            "[databases]",
            f"postgres = host={place} port=5432 user=postgres",
            "[pgbouncer]",
            f"pool_mode = {mode}",
            "auth_type = any",
            "listen_addr = 127.0.0.1",
            f"listen_port = {port}",
            "unix_socket_dir =",
            "ignore_startup_parameters = extra_float_digits,search_path,options",
            *settings,
        ]
        file.write_text("\n".join(lines))
        user = {}
        if os.geteuid() == 0:  # PgBouncer refuses to run as root; the server admits its own user
            folder.chmod(0o755)
            user = {"user": "gatherbench", "group": "gatherbench", "extra_groups": []}
        with (folder / "log").open("w") as log:
            running = subprocess.Popen([PROGRAM, file], stdout=log, stderr=log, **user)
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        try:
            wait_until(lambda: _answers(url) or running.poll() is not None)
            assert running.poll() is None, (folder / "log").read_text()
            yield url
        finally:
            running.terminate()
            running.wait(timeout=20)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def _sessions(server: EmbeddedServer) -> int:
    """Return the number of the pooler's server connections."""
    with psycopg.connect(server.start()) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        (number,) = connection.execute(query).fetchone() or (0,)
    return int(number) - 1


def advisory_locks(server: EmbeddedServer) -> int:
    with psycopg.connect(server.start()) as connection:
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        (number,) = connection.execute(query).fetchone() or (0,)
    return int(number)


def test_session_mode_works(tmp_path: Path, mortal: EmbeddedServer) -> None:
    """Forbids refusing every pooler, and a lock that stays on its connections."""
    with pooler(mortal, "session") as url:
        bench = Bench(tmp_path, url)
        is_well(finish(begin(bench, "--rounds=2")))
        is_well(bench("db", "reset", "--yes"))
        wait_until(lambda: advisory_locks(mortal) == 0)


@pytest.mark.parametrize("mode", REFUSED)
@pytest.mark.parametrize(
    "settings", [(), ("server_round_robin = 1", "min_pool_size = 3")], ids=["", "round-robin"]
)
def test_another_mode_is_refused(
    tmp_path: Path, mortal: EmbeddedServer, mode: str, settings: tuple[str, ...]
) -> None:
    """Forbids a lock that stays on a pooled connection: 'another bench command is using'."""
    with pooler(mortal, mode, *settings) as url:
        if settings:  # the pooler lends another free connection each time
            with psycopg.connect(url, autocommit=True) as client:
                client.execute("SELECT 1")
                wait_until(lambda: _sessions(mortal) >= 3)
        for command in (("run", "--profile=smoke"), ("verify",), ("overhead",)):
            done = Bench(tmp_path, url)(*command)
            REFUSED[mode].is_shown_by(done)
            assert "pool_mode = session" in done.error[1]
        assert advisory_locks(mortal) == 0
    with psycopg.connect(mortal.start()) as direct:
        assert schema.state(direct) is schema.State.ABSENT
