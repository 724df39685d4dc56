"""A pooler that admits no settings at the start of a session: PgBouncer with its defaults."""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from accessors import discover
from bench.execution.measurement import measure
from bench.model.case import Case
from bench.model.errors import BenchError
from bench.model.plan import Plan
from bench.model.profiles import PROFILES
from bench.model.run_config import RunConfig
from bench.results.file import Recorder, load
from bench.server.account import account_for_caller
from bench.server.resolution import resolve
from bench.server.url import changed, parse
from tests.bench.command import Bench, wait_until
from tests.bench.conftest import SMALL
from tests.bench.execution.test_turns import Silent
from tests.listening import Listening, free_port, give, listening

PGBOUNCER = Path("/usr/sbin/pgbouncer")

pytestmark = pytest.mark.skipif(not PGBOUNCER.exists(), reason="needs Debian's pgbouncer")


@pytest.fixture(scope="module")
def behind() -> Iterator[Listening]:
    with listening("host all all 127.0.0.1/32 trust\n") as server:
        server.execute("CREATE ROLE plain LOGIN", "CREATE ROLE other LOGIN")
        yield server


def answers(url: str) -> bool:
    with suppress(psycopg.OperationalError), psycopg.connect(url):
        return True
    return False


@contextmanager
def pooler(behind: Listening, **settings: str) -> Iterator[str]:
    """Give the URL of a PgBouncer in session mode, with the user `plain`."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="gatherbench-test-") as place:
        folder = Path(place)
        lines = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(port),
            "unix_socket_dir": "",
            "auth_type": "any",
            "pool_mode": "session",
            "default_pool_size": "30",
            **settings,
        }
        text = "".join(f"{name} = {value}\n" for name, value in lines.items())
        address = f"host=127.0.0.1 port={behind.port} user=plain"
        config = folder / "pgbouncer.ini"
        config.write_text(f"[databases]\n* = {address}\n[pgbouncer]\n{text}")
        account = account_for_caller()
        give(folder, account, 0o700)
        give(config, account, 0o600)
        program = subprocess.Popen(
            [PGBOUNCER, "-q", config], cwd=folder, **account.subprocess_options
        )
        try:
            url = f"postgresql://plain@127.0.0.1:{port}/shop"
            wait_until(lambda: answers(url))
            yield url
        finally:
            program.terminate()
            program.wait()


@pytest.fixture
def shop(behind: Listening) -> Iterator[None]:
    """Give a database that `plain` owns, with PostgreSQL's default schema `public`."""
    behind.execute("CREATE DATABASE shop OWNER plain")
    yield
    behind.execute("DROP DATABASE shop WITH (FORCE)")


@pytest.mark.parametrize("settings", [{}, {"ignore_startup_parameters": "options"}], ids=str)
def test_a_pooler_is_used_where_nobody_can_plant_anything(
    behind: Listening, shop: None, tmp_path: Path, settings: dict[str, str]
) -> None:
    """Forbids refusing a pooler only because it refuses a search path."""
    backends = ("--backend=psycopg2", "--backend=psycopg", "--backend=asyncpg")
    with pooler(behind, **settings) as url:
        options = parse(resolve(url).url).get("options")
        assert (options is None) == (not settings)
        done = Bench(tmp_path, url)("verify", "--scale=0.01", *backends)
    assert done.code == 0, done
    assert done.out.count("ok ") == len(backends)


@pytest.mark.parametrize("settings", [{}, {"ignore_startup_parameters": "options"}], ids=str)
@pytest.mark.parametrize(
    "statement", ["GRANT CREATE ON SCHEMA public TO other", "ALTER DATABASE shop OWNER TO other"]
)
def test_a_pooler_that_keeps_an_open_schema_on_the_path(
    behind: Listening, shop: None, tmp_path: Path, settings: dict[str, str], statement: str
) -> None:
    """Forbids sessions on a search path where another role may plant functions."""
    behind.execute(statement, database="shop")
    with pooler(behind, **settings) as url:
        done = Bench(tmp_path, url)("verify")
    assert done.code == 1
    assert len(done.error) == 2, done
    assert "others may create functions in the schema public" in done.error[0]
    assert "Give the URL of the server itself" in done.error[1]
    with psycopg.connect(changed(behind.admin, dbname="shop")) as connection:
        schemas = connection.execute("SELECT FROM pg_namespace WHERE nspname = 'gatherbench'")
        assert schemas.fetchall() == []


@pytest.mark.usefixtures("shop")
def test_clients_count_by_the_poolers_own_limit(behind: Listening, tmp_path: Path) -> None:
    """Defect: clients behind a pooler in transaction mode were refused by the number of connections
    of the server, which they do not have. Those above the pooler's own limit failed one by one
    after half a minute each, and psycopg's pool did not say why.
    """
    case = Case("psycopg2", "get_total_cost_of_an_order", concurrency=45, loop="none")
    profile = replace(PROFILES["smoke"], rounds=1, seconds=0.01, warm_up_s=0.01)
    backends = {case.backend: discover()[case.backend]}
    config = RunConfig(Plan(profile, (case,)), backends, SMALL, verify=False)
    admin = behind.url(user="plain", dbname="shop")
    settings = {"pool_mode": "transaction", "default_pool_size": "10"}

    def measured(folder: Path, limit: int) -> None:
        with pooler(behind, **settings, max_client_conn=str(limit)) as url:
            recorder = Recorder(folder)
            try:
                measure(config, resolve(url, admin_url=admin), recorder, Silent())
            finally:
                recorder.close()

    with pytest.raises(BenchError) as caught:
        measured(tmp_path / "few", 30)
    first, second = str(caught.value).splitlines()
    assert re.match(r"the pooler admits \d\d of 45 clients: PgBouncer has no connection", first)
    assert second == "Raise its limit (PgBouncer: max_client_conn), or lower --concurrency."
    measured(tmp_path / "many", 70)  # the server has 40 connections
    assert [run.case for run in load(tmp_path / "many").runs] == [case]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_clients_that_wait_for_each_other_in_the_pool_are_refused(
    behind: Listening, tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defect: clients that keep a server connection each, more than the pool has, waited until
    --timeout, and no line named the pool.
    """
    monkeypatch.setattr("bench.server.pooler._LONGEST_WAIT_S", 0.2)
    settings = {"pool_mode": mode, "default_pool_size": "3"}
    admin = behind.url(user="plain", dbname="shop")
    profile = replace(PROFILES["smoke"], rounds=1, seconds=0.01, warm_up_s=0.01)
    backends = {"psycopg2": discover()["psycopg2"]}

    def measured(url: str, **factors: Any) -> list[Case]:
        case = Case("psycopg2", "get_total_cost_of_an_order", loop="none", **factors)
        config = RunConfig(Plan(profile, (case,)), backends, SMALL, verify=False)
        folder = tmp_path / case.key.replace("/", "-")
        recorder = Recorder(folder)
        try:
            measure(config, resolve(url, admin_url=admin), recorder, Silent())
        finally:
            recorder.close()
        return [run.case for run in load(folder).runs]

    with pooler(behind, **settings) as url:
        with pytest.raises(BenchError) as caught:
            measured(url, concurrency=4, transactions="implicit")
        first, second = str(caught.value).splitlines()
        assert re.search(r" lends 3 server connections, and 4 clients keep one each ", first)
        assert second.startswith("Raise its pool (PgBouncer: default_pool_size), or lower --conc")
        assert measured(url, concurrency=3, transactions="implicit")
        if mode == "transaction":
            scope = {"session_scope": "operation", "transactions": "implicit"}
            assert measured(url, concurrency=4, **scope)
            assert measured(url, concurrency=4)
