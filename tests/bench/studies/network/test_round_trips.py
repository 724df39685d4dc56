"""Round trips: known truths of the libraries, counted by the proxy."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import asyncpg
import psycopg
import psycopg2
import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session, joinedload, selectinload

import accessors
from accessors.api import Transactions
from accessors.models import Orders
from bench.dataset import loading
from bench.dataset.lock import held
from bench.measure.runner import Job
from bench.model.case import Case, SessionScope
from bench.model.dataset import Dataset
from bench.model.errors import BenchError
from bench.model.fetch import Fetch
from bench.model.link import Link
from bench.results.file import Results
from bench.server.database import Database
from bench.server.embedded import EmbeddedServer
from bench.server.proxy.address import address_of, at_one_host, through
from bench.server.proxy.process import Proxy
from bench.server.url import build, parse
from bench.studies.network.columns import COLUMN, columns
from bench.studies.network.entries import RoundTrips
from bench.studies.network.plan import PROBE, probes_of_run
from bench.studies.network.probe import LINK, count
from tests.bench import synthetic
from tests.bench.command import wait_until
from tests.databases import new_database
from tests.installed import ABSENT, INSTALLED
from tests.listening import free_port

POINT = "get_total_cost_of_an_order"
DATASET = Dataset(scale=0.2)
"""2,000 customers: two batches of a thousand."""


@pytest.fixture(scope="module")
def shop(server: EmbeddedServer) -> Iterator[Database]:
    with new_database(server) as database:
        with held(database) as lock:
            lock.run(lambda connection: loading.ensure(connection, DATASET))
        yield database


def counted(
    shop: Database,
    name: str,
    workload: str = POINT,
    fetch: Fetch | None = None,
    scope: SessionScope = "task",
    transactions: Transactions = "autocommit",
    connect: str = "",
) -> RoundTrips:
    backend = accessors.load(name, accessors.BUILTIN[name])
    case = Case(name, workload, fetch or Fetch(), 1, scope, transactions, connect=connect)
    if backend.mode == "sync":
        case = replace(case, loop="none")
    module = accessors.BUILTIN[name]
    return count(Job(case=case, module=module, url=shop.url_for(backend.driver), dataset=DATASET))


@pytest.mark.parametrize(
    "backend", ["asyncpg", "psycopg2", "psycopg", "orm+asyncpg", "core+psycopg-async"]
)
def test_a_point_read_in_autocommit_is_one(shop: Database, backend: str) -> None:
    """Defect: the statement's preparation, or the protocol's last message, was counted too."""
    assert counted(shop, backend).per_operation == 1


@pytest.mark.parametrize(
    ("backend", "trips"), [("asyncpg", 2), ("psycopg2", 1), ("orm+asyncpg", 1), ("psycopg", 1)]
)
def test_asyncpg_resets_a_connection_that_is_returned(
    shop: Database, backend: str, trips: float
) -> None:
    """Defect: a session per operation looked free of cost in every library."""
    assert counted(shop, backend, scope="operation").per_operation == trips


@pytest.mark.parametrize(
    ("backend", "trips"), [("pg8000", 3), ("core+pg8000", 3), ("orm+pg8000", 3), ("psqlpy", 1)]
)
def test_a_point_read_of_an_extra(shop: Database, backend: str, trips: float) -> None:
    """Defect: pg8000's fairness card did not say that each statement is three round trips."""
    if backend not in INSTALLED:
        pytest.skip(ABSENT[backend])
    assert counted(shop, backend).per_operation == trips
    card = accessors.load(backend).card["prepared"]
    assert ("3 round trips" in card) == (trips == 3)


@pytest.mark.parametrize("backend", ["orm+psycopg2", "core+asyncpg", "orm+psycopg-async"])
def test_a_ping_before_use_adds_one(shop: Database, backend: str) -> None:
    """Defect: `pool_pre_ping` looked free of cost."""
    ping = counted(shop, backend, scope="operation", connect="engine.pool_pre_ping=true")
    assert ping.per_operation == counted(shop, backend, scope="operation").per_operation + 1


def test_a_selectinload_adds_one(shop: Database) -> None:
    """Forbids that the statement for a collection is counted with the one before it."""
    with Proxy() as proxy:
        port = proxy.open(address_of(shop.own.url), LINK)
        url = through(shop.url_for("psycopg2"), port, driver="psycopg2")
        engine = create_engine(
            "postgresql+psycopg2://",
            creator=partial(psycopg2.connect, url),
            isolation_level="AUTOCOMMIT",
        )
        trips = []
        for loading_of in (joinedload, selectinload):
            read = select(Orders).options(loading_of(Orders.order_items)).where(Orders.id <= 3)
            with Session(engine) as session:
                session.connection()
                proxy.counts(port)
                assert len(session.scalars(read).unique().all()) == 3
                trips.append(proxy.counts(port).round_trips)
        engine.dispose()
    assert trips == [1, 2]


@pytest.mark.parametrize(
    "backend", ["asyncpg", "psycopg", "psycopg2", "core+psycopg", "orm+asyncpg"]
)
def test_executemany_is_one(shop: Database, backend: str) -> None:
    """Defect: lines that are pipelined were counted as a round trip each.

    BEGIN, the order, all its lines, COMMIT.
    """
    assert counted(shop, backend, "add_new_order_for_customer").per_operation == 4


@pytest.mark.parametrize("backend", ["psycopg2", "psycopg-async", "core+psycopg2", "orm+asyncpg"])
def test_an_implicit_transaction_adds_two(shop: Database, backend: str) -> None:
    """Defect: BEGIN and ROLLBACK were invisible in every table."""
    trips = counted(shop, backend, scope="operation", transactions="implicit")
    assert trips.per_operation == 3


@pytest.mark.parametrize("backend", ["asyncpg", "psycopg2", "psycopg"])
def test_a_batch_more_is_one_more(shop: Database, backend: str) -> None:
    large, small = (
        counted(shop, backend, "get_customers", Fetch("batched", size)).per_operation
        for size in (1000, 500)
    )
    assert small == large + 2


def test_a_mix_is_the_mean_of_its_functions(shop: Database) -> None:
    """Defect: statements that were prepared late in the count made each library differ."""
    trips = {counted(shop, name, "mixed").per_operation for name in ("asyncpg", "psycopg")}
    assert len(trips) == 1
    assert 1 < trips.pop() < 4


def test_a_driver_that_checks_the_servers_name_is_refused() -> None:
    """Defect: it failed with the driver's error about a certificate."""
    with pytest.raises(BenchError, match="verify-ca"):
        through("postgresql://u@db.example/d?sslmode=verify-full", 1)


def test_a_socket_keeps_its_address_and_loses_tls() -> None:
    """Defect: sslmode=require means nothing on a unix socket, and failed on the proxy's port."""
    url = "postgresql://u@/d?host=/run/postgresql&port=5433&sslmode=require"
    assert address_of(url) == "/run/postgresql/.s.PGSQL.5433"
    assert "sslmode=disable" in through(url, 7)
    assert address_of("postgresql://u@[::1]/d") == ("::1", 5432)


def test_of_several_hosts_the_one_that_answers_is_reached(shop: Database) -> None:
    """Defect: the proxy led to the first host of the URL, which did not answer or was a standby."""
    here = parse(shop.own.url)
    dead = {**here, "host": f"127.0.0.1,{here['host']}", "port": f"{free_port()},{here['port']}"}
    assert parse(at_one_host(build(dead))) == here
    assert at_one_host(shop.own.url) == shop.own.url
    nobody = {**here, "host": "127.0.0.1,127.0.0.1", "port": str(free_port())}
    with pytest.raises(BenchError, match="connect"):
        at_one_host(build(nobody))
    primary = {**dead, "target_session_attrs": "standby"}
    with pytest.raises(BenchError):
        at_one_host(build(primary))


def test_a_case_of_both_states_of_the_allocator_is_counted_once() -> None:
    """Defect: `--allocator fresh --allocator warmed` counted each case twice, and said it twice."""
    case = Case("asyncpg", POINT, concurrency=4)
    fresh = replace(case, allocator="fresh")
    probes = probes_of_run([case, fresh], accessors.discover(described=True))
    assert probes == {PROBE: (replace(case, concurrency=1),)}


def test_a_file_with_both_states_counted_has_one_figure_for_both(tmp_path: Path) -> None:
    """Forbids that a run of version 0.2 loses the column of its cases with a fresh allocator."""
    case = Case("asyncpg", POINT, concurrency=4)
    fresh = replace(case, allocator="fresh")
    lone = replace(case, concurrency=1)
    results = Results(
        tmp_path,
        synthetic.header([case, fresh]),
        [],
        probed=[RoundTrips(replace(lone, allocator="fresh"), 3, 6, 1)],
    )
    assert columns(results) == {COLUMN: {case: 2, fresh: 2}}


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg", "asyncpg"])
def test_a_cancel_request_passes_through(shop: Database, driver: str) -> None:
    """Forbids that the request, whose connection ends at once, is dropped in its delay."""
    with Proxy() as proxy:
        port = proxy.open(address_of(shop.own.url), Link(latency_ns=20_000_000))
        url = through(shop.url_for(driver), port, driver=driver)
        if driver == "asyncpg":
            asyncio.run(_cancelled(shop, url))
        else:
            module: Any = psycopg2 if driver == "psycopg2" else psycopg
            with closing(module.connect(url)) as connection:
                canceller = Thread(target=_cancel_when_it_sleeps, args=(shop, connection))
                canceller.start()
                with pytest.raises(module.errors.QueryCanceled):
                    connection.cursor().execute("SELECT pg_sleep(60)")
                canceller.join()
    with shop.connect() as watcher:
        found = watcher.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'"
            " AND state = 'active' AND datname = current_database()"
        ).fetchone()
        assert found == (0,)


def _wait_until_it_sleeps(shop: Database) -> None:
    # The server ignores a cancel that comes before the statement runs.
    sleeping = (
        "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    )
    with shop.connect() as watcher:
        wait_until(lambda: watcher.execute(sleeping).rowcount == 1)


def _cancel_when_it_sleeps(shop: Database, connection: Any) -> None:
    _wait_until_it_sleeps(shop)
    connection.cancel()


async def _cancelled(shop: Database, url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        sleeping = asyncio.create_task(connection.execute("SELECT pg_sleep(60)"))
        await asyncio.to_thread(_wait_until_it_sleeps, shop)
        sleeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sleeping
    finally:
        assert await connection.fetchval("SELECT 7") == 7  # it was cancelled, and is usable
        await connection.close()
