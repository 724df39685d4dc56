"""The proof for each fetch of every backend, on the real server."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import accessors
from bench.dataset import loading as dataset
from bench.dataset.windows import window
from bench.measure.runner import Job
from bench.model.case import Case
from bench.model.dataset import Dataset
from bench.model.fetch import Fetch
from bench.server.database import Database
from bench.server.embedded import EmbeddedServer
from bench.studies.streaming.entries import Proof
from bench.studies.streaming.proof import prove
from bench.studies.streaming.question import failing_row
from tests.databases import new_database
from tests.installed import INSTALLED

ROWS = Dataset(scale=0.01, more_customers=3)
FAILS_AT = 150
LINES = 1000
"""The lines of the orders between the requested dates."""
BACKENDS = [name for name in INSTALLED if not name.startswith("null")]

ORDERS = "get_orders_between_dates"

every_backend = pytest.mark.parametrize("name", BACKENDS)


@pytest.fixture(scope="module")
def database(server: EmbeddedServer) -> Iterator[Database]:
    """300 customers, which every proof reads and none changes."""
    with new_database(server) as database:
        with database.connect() as connection:
            dataset.ensure(connection, ROWS)
        yield database


@pytest.fixture(scope="module")
def proved(database: Database) -> Any:
    """Proves a way of a backend on 300 customers, or on orders of 1,000 lines."""
    with database.connect() as connection:
        dates = window(connection, LINES)

    def proved(name: str, fetch: Fetch, function: str = "get_customers") -> Proof:
        module = accessors.BUILTIN[name]
        if not fetch.offered_by(accessors.load(name, module)):
            pytest.skip(f"{name} has no {fetch.mode} fetch")
        case, arguments = Case(name, function, fetch), None
        if function == ORDERS:
            case, arguments = replace(case, size=LINES), dates
        return prove(Job(case, module, database.url, ROWS, arguments=arguments))

    return proved


@every_backend
@pytest.mark.parametrize("fetch", [Fetch("buffered"), Fetch("iterated")], ids=str)
def test_a_buffer_gives_none_of_the_rows_before_a_failure(
    proved: Any, name: str, fetch: Fetch
) -> None:
    proof = proved(name, fetch)
    assert (proof.failing_row, proof.delivered, proof.batch) == (FAILS_AT, 0, None)


@every_backend
@pytest.mark.parametrize("mode", ["streamed", "batched", "single-row"])
def test_a_stream_gives_every_row_but_those_of_the_batch_that_failed(
    proved: Any, name: str, mode: Any
) -> None:
    proof = proved(name, Fetch(mode, 50))
    # SQLAlchemy's Core takes one row to look at before the batches, in a stream row by row.
    assert proof.delivered in (100, 101)


@every_backend
def test_the_orm_streams_nothing_without_a_batch_size(proved: Any, name: str) -> None:
    """The workshop's own way. Core and the drivers stream by a size of their own."""
    delivered = proved(name, Fetch("streamed")).delivered
    if name.startswith("orm") or name == "psycopg2":
        assert delivered == 0
    else:
        assert delivered > 0


@every_backend
def test_orders_are_proved_as_customers_are(proved: Any, name: str) -> None:
    """Forbids to call a stream of orders one for its memory alone.

    A batch of the ORM is orders, and fails at an order; a batch of the others is lines.
    """
    fails_at = 100 if name.startswith("orm") else 500
    buffered = proved(name, Fetch(), ORDERS)
    assert (buffered.failing_row, buffered.delivered) == (fails_at, 0)
    for mode in ("streamed", "batched"):
        proof = proved(name, Fetch(mode, 50), ORDERS)
        assert proof.delivered in (fails_at - 50, fails_at - 49)
        assert proof.clean, proof.state_after


def test_single_rows_come_one_by_one(proved: Any) -> None:
    assert proved("psycopg", Fetch("single-row")).batch == 1
    assert proved("psycopg-async", Fetch("single-row")).batch == 1


@every_backend
@pytest.mark.parametrize(
    "fetch", [Fetch("streamed", 10), Fetch("batched", 10), Fetch("single-row")], ids=str
)
def test_left_early_the_connection_is_clean(proved: Any, name: str, fetch: Fetch) -> None:
    proof = proved(name, fetch)
    assert proof.clean, proof.state_after
    assert 0 < proof.stop_ns < proof.early_ns


@pytest.mark.parametrize("customers", [100_000, 25_000, 10_000, 300, 3])
def test_the_failing_row_is_there_and_ends_a_batch(customers: int) -> None:
    row = failing_row(customers)
    assert 1 <= row <= customers
    if customers >= 10_000:
        assert all(row % size == 0 for size in (10, 50, 100, 1_000, 2_000))
