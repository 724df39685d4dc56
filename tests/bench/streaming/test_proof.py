"""What the experiment proves of each way of fetching: every backend, on the real server."""

from typing import Any

import pytest

import accessors
from bench.case import Case, Fetch
from bench.load.runner import Job
from bench.results.entries import Proof
from bench.rows import dataset
from bench.rows.dataset import Dataset
from bench.server.database import Database
from bench.streaming.proof import failing_row, prove

ROWS = Dataset(scale=0.01, more_customers=3)
FAILS_AT = 150
BACKENDS = [name for name in accessors.BUILTIN if not name.startswith("null")]

every_backend = pytest.mark.parametrize("name", BACKENDS)


@pytest.fixture
def proved(database: Database) -> Any:
    """Proves a way of a backend on 300 customers."""
    with database.connect() as connection:
        dataset.ensure(connection, ROWS)

    def proved(name: str, fetch: Fetch) -> Proof:
        module = accessors.BUILTIN[name]
        if not fetch.offered_by(accessors.load(name, module)):
            pytest.skip(f"{name} has no {fetch.mode} fetch")
        return prove(Job(Case(name, "get_customers", fetch), module, database.url, ROWS))

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
