"""The probes of the pool study: waits, requests without a connection, and deadlocks."""

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import count
from time import sleep

import pytest

import accessors
from bench.dataset import loading
from bench.dataset.lock import held
from bench.measure.runner import Job
from bench.model.case import Case
from bench.model.dataset import Dataset
from bench.model.pool import Pool
from bench.server.database import Database
from bench.server.embedded import EmbeddedServer
from bench.server.pgbouncer import PgBouncer, installed
from bench.studies.pool.deadlock import TIMEOUT_S, take_two
from bench.studies.pool.plan import OVERFLOW, PRE_PING, UNPOOLED
from bench.studies.pool.waits import Outcome, entry, watch_pool
from bench.studies.pool.watched import PoolWatch
from bench.studies.pool.window import WARM_UP_S, WINDOW_S, Window
from tests.bench.recording import Record, record
from tests.databases import new_database

POINT = "get_total_cost_of_an_order"
DATASET = Dataset(scale=0.01)
EVERY_POOL = ("psycopg2", "psycopg", "asyncpg", "psycopg-async", "core+psycopg2", "orm+asyncpg")
CLIENTS = 4


@pytest.fixture(scope="module")
def shop(server: EmbeddedServer) -> Iterator[Database]:
    with new_database(server) as database:
        with held(database) as lock:
            lock.run(lambda connection: loading.ensure(connection, DATASET))
        yield database


def job(shop: Database, name: str, pool: Pool, connect: str = "") -> Job:
    module = accessors.BUILTIN[name]
    backend = accessors.load(name, module)
    case = Case(
        name,
        POINT,
        concurrency=CLIENTS,
        session_scope="operation",
        loop="none" if backend.mode == "sync" else "asyncio",
        connect=connect,
        pool=pool,
    )
    return Job(case=case, module=module, url=shop.url_for(backend.driver), dataset=DATASET)


@pytest.mark.parametrize("name", EVERY_POOL[1:])
def test_clients_of_a_small_pool_wait(shop: Database, name: str) -> None:
    """Defects: the wait of a SQLAlchemy session was 0, as it connects at its first statement. The
    median of the finished waits hid clients that an unfair pool let wait for the whole window."""
    small, large = (watch_pool(job(shop, name, Pool(size))) for size in (1, CLIENTS))
    assert small.timeouts == 0
    assert small.wait_mean_ns is not None
    assert large.wait_mean_ns is not None
    # Three of four clients wait for an operation to end; in the other pool none does.
    assert small.wait_mean_ns > large.wait_mean_ns
    for waits in (small, large):
        assert 0 <= (waits.waiting_share or 0) <= 1
        assert (waits.fewest_operations or 0) <= (waits.most_operations or 0)


def thinking(job: Job, think_s: float) -> Job:
    """Return a job whose clients wait so long after each operation."""
    kind = type("ThinkingJob", (Job,), {"think_s": think_s})
    made: Job = kind(**{field.name: getattr(job, field.name) for field in fields(job)})
    return made


@pytest.mark.parametrize("name", ["psycopg", "asyncpg"])
def test_clients_that_think_need_no_connection_meanwhile(shop: Database, name: str) -> None:
    """Defect: the waits of a workload file with think time were those of clients without any, and
    its throughput was not."""
    waits = watch_pool(thinking(job(shop, name, Pool(1)), 0.05))
    assert 0 < (waits.most_operations or 0) <= waits.window_ns / 50e6 + 1


@pytest.mark.parametrize("name", ["psycopg", "asyncpg"])
def test_a_window_without_a_request_is_followed_by_a_longer_one(shop: Database, name: str) -> None:
    """Defect: where each operation took longer than the window, or the machine stalled, a pool had
    no waits, as if nobody had asked it for a connection."""
    waits = watch_pool(thinking(job(shop, name, Pool(1)), WINDOW_S + 2 * WARM_UP_S))
    assert waits.checkouts > 0
    assert waits.window_ns > WINDOW_S * 1e9


def test_a_client_that_never_gets_a_connection_is_in_the_mean(shop: Database) -> None:
    """Defect: a wait that began in the warm-up, or was not over at the end, was in no figure.

    By Little's law, mean wait and mean service add up to the clients over the throughput.
    """
    window = Window(CLIENTS, 1e-6)
    window.start_ns, window.end_ns = 1_000, 2_000
    watch = PoolWatch()
    # One client has the connection for 4 of each 5 ns; two wait all the time.
    watch.waits = [(when, when + 1) for when in range(0, 3_000, 5)]
    watch.waits.append((500, 3_000))
    watch.timeouts = [(900, 2_500, "TimeoutError")]
    outcome = Outcome(window, [200, 0, 0], served=None)
    waits = entry(job(shop, "psycopg", Pool(1)), watch, outcome)
    assert (waits.checkouts, waits.timeouts, waits.wait_p50_ns) == (200, 0, 1)
    assert waits.waited_ns == 200 + 2 * 1_000
    assert waits.wait_mean_ns == 11
    service_ns = 4
    assert waits.wait_mean_ns + service_ns == 3 * waits.window_ns / waits.checkouts
    assert (waits.fewest_operations, waits.most_operations) == (0, 200)
    assert waits.is_uneven


TEXTS = {
    "psycopg2": "PoolError: connection pool exhausted",
    "psycopg": "PoolTimeout: couldn't get a connection after",
    "asyncpg": "TimeoutError",
    "psycopg-async": "PoolTimeout: couldn't get a connection after",
    "core+psycopg2": "TimeoutError: QueuePool limit of size 1 overflow 0 reached",
    "orm+asyncpg": "TimeoutError: QueuePool limit of size 1 overflow 0 reached",
}


@pytest.mark.parametrize("name", EVERY_POOL)
def test_requests_without_a_connection_are_counted(shop: Database, name: str) -> None:
    """Defect: a pool's timeout was a failed operation, and the case was in no figure."""
    waits = watch_pool(job(shop, name, Pool(1, timeout_s=0.00001)))
    assert waits.timeouts > 0
    assert waits.timeout_error.startswith(TEXTS[name])
    assert "sqlalche.me" not in waits.timeout_error


@pytest.mark.parametrize("name", ["psycopg2", "asyncpg"])
def test_another_error_of_an_operation_is_raised(server: EmbeddedServer, name: str) -> None:
    """Defect: the error was that of a group of tasks, and did not name its reason."""
    with new_database(server) as empty, pytest.raises(Exception, match="does not exist"):
        watch_pool(job(empty, name, Pool(2)))


def test_opened_connections_are_counted(shop: Database) -> None:
    """Defect: connections that NullPool opened were not seen, because they had ended."""
    unpooled = watch_pool(job(shop, "core+psycopg2", Pool(), UNPOOLED))
    assert unpooled.opened is not None
    assert 0 < unpooled.opened <= unpooled.checkouts + CLIENTS
    kept = watch_pool(job(shop, "core+psycopg2", Pool(CLIENTS), PRE_PING))
    assert kept.opened == 0


def test_an_overflow_serves_clients(shop: Database) -> None:
    waits = watch_pool(job(shop, "orm+asyncpg", Pool(1), OVERFLOW))
    assert waits.timeouts == 0
    assert waits.opened is not None


@pytest.mark.parametrize("name", EVERY_POOL[1:])
@pytest.mark.parametrize(("size", "deadlocked"), [(1, True), (CLIENTS, True), (CLIENTS + 1, False)])
def test_a_second_connection_deadlocks_up_to_the_number_of_clients(
    shop: Database, name: str, size: int, deadlocked: bool
) -> None:
    """Defect: without a moment at which all hold one, chance decided whether clients deadlock."""
    found = take_two(job(shop, name, Pool(size, TIMEOUT_S)))
    assert found.deadlocked is deadlocked
    assert bool(found.timeout_error) is deadlocked


def recorded(shop: Database, size: int) -> Job:
    """Return the job of a backend that notes its calls, and does as a test tells it."""
    record.__dict__.update(vars(Record()))
    plain = job(shop, "psycopg", Pool(size, TIMEOUT_S))
    case = replace(plain.case, backend="recording")
    return replace(plain, case=case, module="tests.bench.recording")


def test_a_client_that_begins_late_deadlocks_with_the_others(shop: Database) -> None:
    """Defect: after 0.5 s the others asked for their second connection, found that of the late
    client free, and the pool was said not to deadlock.
    """
    late = recorded(shop, CLIENTS)
    sessions = count(1)
    record.refuse = lambda: sleep(2 * TIMEOUT_S) if next(sessions) == CLIENTS else None
    assert take_two(late).deadlocked


def test_a_machine_that_stalls_is_no_deadlock(shop: Database) -> None:
    """Defect: a read that took longer than the timeout let the others wait for the one free
    connection, and a pool that is large enough was said to deadlock.
    """
    slow = recorded(shop, CLIENTS + 1)
    calls = count(1)
    record.act = lambda: sleep(3 * TIMEOUT_S) if next(calls) == CLIENTS + 1 else None
    found = take_two(slow)
    assert len(record.targets) > 1, "it was tried again"
    assert (found.deadlocked, found.timeout_error) == (False, "")


@pytest.mark.skipif(installed() is None, reason="PgBouncer is not installed")
def test_waits_in_pgbouncer(shop: Database) -> None:
    """Forbids that a wait in PgBouncer, which the client's pool does not see, is in no figure."""
    program = installed()
    assert program is not None
    with PgBouncer(program, shop.url, 1) as between:
        plain = job(shop, "psycopg2", Pool(pooler_size=1))
        found = watch_pool(replace(plain, url=between.url(plain.url), behind_pooler=True))
    assert found.checkouts > 0
    assert found.pooler_connections == 1
    assert found.pooler_wait_ns is not None
    assert found.wait_mean_ns is not None
    # Three of four clients wait in PgBouncer, and none for its connection to it.
    assert found.pooler_wait_ns > found.wait_mean_ns


def test_the_watch_leaves_sqlalchemy_as_it_was(shop: Database) -> None:
    """Defect: later cases of the process were timed with the watch in their pools."""
    from sqlalchemy.pool import Pool as AnyPool

    before = AnyPool.connect
    watch_pool(job(shop, "core+psycopg2", Pool(1)))
    assert AnyPool.connect is before
