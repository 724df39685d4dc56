"""Servers, rows and commands that several tests use."""

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from bench.dataset import loading as dataset
from bench.dataset.fingerprint import Fingerprint, fingerprint
from bench.model.dataset import Dataset
from bench.server.account import account_for_caller
from bench.server.database import Database
from bench.server.embedded import EmbeddedServer
from bench.server.programs import run
from bench.server.url import parse
from bench.system.folder import Folder
from tests.bench.command import Bench, kill_what_goes_on
from tests.databases import new_database

SMALL = Dataset(scale=0.01, seed=1)
PASSWORD = "s3cr:t/w@rd%?"  # every character that a URL reads as more than itself


@pytest.fixture(autouse=True)
def _nothing_goes_on() -> Iterator[None]:
    yield
    kill_what_goes_on()


@pytest.fixture
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Bench:
    """`bench` commands on the test's own `database`, if it has one, or else on the `shop`."""
    name = "database" if "database" in request.fixturenames else "shop"
    database: Database = request.getfixturevalue(name)
    return Bench(tmp_path, database.url)


@pytest.fixture(scope="session")
def _empty(server: EmbeddedServer) -> Iterator[Database]:
    with new_database(server) as database:
        yield database


@pytest.fixture
def empty(_empty: Database) -> Iterator[Database]:
    """An empty database for all tests that make nothing in it. That is checked afterwards."""
    yield _empty
    with _empty.connect() as connection:
        made = connection.execute("SELECT relname FROM pg_class WHERE oid >= 16384").fetchall()
        assert made == [], "a test that makes something uses the fixture `database`"


@pytest.fixture(scope="session")
def _loaded(server: EmbeddedServer) -> Iterator[Database]:
    """A database with the rows of the smallest useful scale, which nobody stays connected to."""
    with new_database(server) as database:
        with database.connect() as connection:
            dataset.ensure(connection, SMALL)
        yield database


@pytest.fixture(scope="session")
def _copy(server: EmbeddedServer, _loaded: Database) -> Iterator[tuple[Database, Fingerprint]]:
    with new_database(server, parse(_loaded.url)["dbname"]) as database:
        with database.connect() as connection:
            rows = fingerprint(connection)
        yield database, rows


@pytest.fixture
def shop(_copy: tuple[Database, Fingerprint]) -> Iterator[Database]:
    """A database with those rows for all tests that only read. The rows are checked afterwards."""
    database, rows = _copy
    yield database
    with database.connect() as connection:
        left = fingerprint(connection)
        if left != rows:
            dataset.ensure(connection, SMALL)
    assert left == rows, "a test that changes rows uses the fixture `own_shop`, or `database`"


@pytest.fixture
def own_shop(server: EmbeddedServer, _loaded: Database) -> Iterator[Database]:
    """A database with those rows that only this test uses."""
    with new_database(server, parse(_loaded.url)["dbname"]) as database:
        yield database


@pytest.fixture(scope="session")
def tcp() -> Iterator[str]:
    """host:port of a server that asks for passwords; the user is `postgres`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="gatherbench-test-") as place:
        server = EmbeddedServer(Path(place) / "postgres")
        with psycopg.connect(server.start(), autocommit=True) as connection:
            literal = psycopg.sql.Literal(PASSWORD)
            connection.execute(psycopg.sql.SQL("alter role postgres password {}").format(literal))
            connection.execute("create role plain login password 'plain'")
        server.stop()
        rule = "host all all 127.0.0.1/32 scram-sha-256\n"
        (server.data / "pg_hba.conf").write_text(rule)
        account = account_for_caller()
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        options += " -c max_connections=12 -c reserved_connections=1"
        pg_ctl = ["-D", "data", "-w", "-s", "-l", "tcp.log"]
        with Folder.at(server.folder) as folder:
            done = run(account, folder, "pg_ctl", *pg_ctl, "-o", options, "start")
        assert done.returncode == 0, done.stderr
        yield f"127.0.0.1:{port}"
        server.stop()


@pytest.fixture
def guarded(tcp: str) -> str:
    """The URL, with its password, of a server that asks for it."""
    return (
        f"postgresql://postgres:{quote(PASSWORD, safe='')}@{tcp}/postgres?application_name=guarded"
    )
