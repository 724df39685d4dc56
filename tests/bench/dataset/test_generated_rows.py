"""The rows of a dataset, which are the same on every server."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psycopg
import pytest

from accessors import sample
from accessors.sql import SCHEMA
from bench.dataset import loading as dataset
from bench.dataset import schema
from bench.dataset.fingerprint import fingerprint
from bench.model.dataset import Dataset, date_range, order_time
from bench.model.errors import UsageError
from bench.server.database import Database
from tests.bench.dataset.queries import rows, value
from tests.bench.dataset.small_dataset import PINNED, SMALL


@pytest.fixture
def loaded(shop: Database) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the small dataset. No test here changes it."""
    with shop.connect() as opened:
        yield opened


# Which rows


def test_scale_one_is_what_the_issue_says() -> None:
    one = Dataset()
    assert (one.customers, one.orders, one.items) == (10_000, 50_000, 1_000)
    assert one.unordered_items == range(901, 1_001)


@pytest.mark.parametrize("scale", [0, -1, 0.0001, 1e9, float("nan"), float("inf")])
def test_an_absurd_scale_is_a_usage_error(scale: float) -> None:
    with pytest.raises(UsageError, match="--scale"):
        Dataset(scale=scale)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_beyond_32_bits_is_a_usage_error(seed: int) -> None:
    with pytest.raises(UsageError, match="--seed"):
        Dataset(seed=seed)


def test_the_sample_comes_first(loaded: psycopg.Connection[Any]) -> None:
    def first(table: str, columns: str, count: int) -> tuple[tuple[Any, ...], ...]:
        return tuple(
            rows(loaded, f"SELECT {columns} FROM {SCHEMA}.{table} ORDER BY 1 LIMIT {count}")
        )

    assert first("address", "id, flat_number, post_code", 3) == sample.ADDRESSES
    assert first("customer", "id, name, address_id", 3) == sample.CUSTOMERS
    assert first("item", "id, name, price, description", 4) == sample.ITEMS
    assert first("orders", "id, customer_id, order_time", 3) == sample.ORDERS
    lines = first("order_items", "order_id, item_id, quantity", 5)
    assert set(lines) == {(1, 1, 1), (1, 2, 4), (1, 3, 2), (2, 2, 2), (2, 4, 5)}


def test_the_known_answers_stay_known(loaded: psycopg.Connection[Any]) -> None:
    totals = rows(
        loaded,
        f"SELECT o.id, sum(i.price * l.quantity) FROM {SCHEMA}.orders o"
        f" LEFT JOIN {SCHEMA}.order_items l ON l.order_id = o.id"
        f" LEFT JOIN {SCHEMA}.item i ON i.id = l.item_id WHERE o.id <= 3 GROUP BY 1 ORDER BY 1",
    )
    assert totals == [(1, 30), (2, 12), (3, None)]
    assert rows(
        loaded,
        f"SELECT id, customer_id FROM {SCHEMA}.orders"
        " WHERE customer_id <= 3 OR order_time < '2024-04-02' ORDER BY id",
    ) == [(1, 1), (2, 3), (3, 2)]


def test_every_generated_order_has_one_to_five_lines(loaded: psycopg.Connection[Any]) -> None:
    lines = rows(
        loaded,
        f"SELECT lines, count(*) FROM (SELECT count(l.item_id) AS lines FROM {SCHEMA}.orders o"
        f" LEFT JOIN {SCHEMA}.order_items l ON l.order_id = o.id WHERE o.id > 3 GROUP BY o.id) c"
        " GROUP BY 1 ORDER BY 1",
    )
    assert [count for count, _ in lines] == [1, 2, 3, 4, 5]
    assert min(orders for _, orders in lines) > 60
    quantities = f"SELECT DISTINCT quantity FROM {SCHEMA}.order_items ORDER BY 1"
    assert rows(loaded, quantities) == [(1,), (2,), (3,), (4,), (5,)]


def test_items_are_priced_in_cents_and_some_not_described(
    loaded: psycopg.Connection[Any],
) -> None:
    low, high, scales, bare, names, count = rows(
        loaded,
        "SELECT min(price), max(price), array_agg(DISTINCT scale(price)),"
        " count(*) FILTER (WHERE description IS NULL), count(DISTINCT name), count(*)"
        f" FROM {SCHEMA}.item WHERE id > 4",
    )[0]
    assert 0.5 <= low < 5
    assert 90 < high <= 99.99
    assert scales == [2]
    assert 30 < bare < 70
    assert names == count == SMALL.items - 4


def test_no_order_has_an_unordered_item(loaded: psycopg.Connection[Any]) -> None:
    """Defect: the workload that adds lines finds a line with that item, and fails."""
    assert len(SMALL.unordered_items) == 100
    assert value(loaded, f"SELECT max(id) FROM {SCHEMA}.item") == SMALL.unordered_items[-1]
    ordered = value(loaded, f"SELECT max(item_id) FROM {SCHEMA}.order_items")
    assert ordered < SMALL.unordered_items[0]


def test_a_customers_address_has_another_id(loaded: psycopg.Connection[Any]) -> None:
    """Defect: a join on customer.id instead of customer.address_id gives the same answer."""
    shared, same = rows(
        loaded,
        "SELECT count(*) - count(DISTINCT address_id), count(*) FILTER (WHERE id = address_id)"
        f" FROM {SCHEMA}.customer WHERE id > 3",
    )[0]
    assert shared == 0
    assert same < 10


def test_orders_per_customer_are_skewed_as_in_life(connection: psycopg.Connection[Any]) -> None:
    some = Dataset(scale=0.2)
    dataset.ensure(connection, some)

    counts = [
        count
        for (count,) in rows(
            connection,
            f"SELECT count(o.id) FROM {SCHEMA}.customer c LEFT JOIN {SCHEMA}.orders o"
            " ON o.customer_id = c.id WHERE c.id > 3 GROUP BY c.id ORDER BY 1 DESC",
        )
    ]
    orders = sum(counts)
    assert counts[0] <= orders * 0.011
    assert 0.77 < sum(counts[: len(counts) // 5]) / orders < 0.85
    assert 0.25 < counts.count(0) / len(counts) < 0.4


@pytest.mark.parametrize("data", [SMALL, Dataset(scale=0.1, seed=7)], ids=str)
def test_order_times_are_those_python_computes(
    connection: psycopg.Connection[Any], data: Dataset
) -> None:
    """Defect: the server's arithmetic and ours differ, and arguments match no rows."""
    dataset.ensure(connection, data)

    times = rows(connection, f"SELECT id, order_time FROM {SCHEMA}.orders WHERE id > 3 ORDER BY 1")
    assert times == [(order, order_time(data, order)) for order, _ in times]
    assert date_range(data) == (min(t for _, t in times), max(t for _, t in times))
    assert datetime(2024, 4, 2) <= times[0][1]
    days = [time.date() for _, time in times]
    assert days == sorted(days)
    noonish = sum(9 <= time.hour < 15 for _, time in times)
    assert noonish / len(times) > 0.35


# Deterministic


def test_more_customers_leave_the_orders_as_they_are(connection: psycopg.Connection[Any]) -> None:
    """Defect: the dataset is confused with another one of the same seed and scale."""
    found = dataset.ensure(connection, Dataset(SMALL.scale, SMALL.seed, more_customers=3))
    assert (found.customer, found.address) == (300, 300)
    assert (found.orders, found.order_items) == (500, 1497)
    assert dataset.ensure(connection, SMALL).customer == 100


def test_the_rows_have_not_changed_unnoticed(loaded: psycopg.Connection[Any]) -> None:
    """If this fails after an intended change, raise schema.LAYOUT: old results have other rows."""
    found = fingerprint(loaded)
    assert (found.customer, found.address, found.item) == (100, 100, 200)
    assert (found.orders, found.order_items) == (500, 1497)
    assert (schema.LAYOUT, found.digest) == (2, PINNED)


def test_session_settings_change_neither_rows_nor_fingerprint(database: Database) -> None:
    """Defect: a fingerprint depends on DateStyle or a time zone, and differs between two users."""
    with database.connect() as connection:
        connection.execute("SET TimeZone = 'Asia/Kathmandu'")
        connection.execute("SET DateStyle = 'SQL, DMY'")
        connection.execute("SET IntervalStyle = 'sql_standard'")
        connection.execute("SET extra_float_digits = -10")
        connection.execute("SET bytea_output = 'escape'")
        connection.execute("SET standard_conforming_strings = on")
        connection.execute("SET search_path = pg_temp")
        connection.execute("SET client_encoding = 'LATIN1'")
        assert dataset.ensure(connection, SMALL).digest == PINNED
    with database.connect() as connection:
        assert fingerprint(connection).digest == PINNED


def test_another_seed_or_scale_gives_other_rows(connection: psycopg.Connection[Any]) -> None:
    first = dataset.ensure(connection, SMALL)
    seeded = dataset.ensure(connection, Dataset(scale=0.01, seed=2))
    scaled = dataset.ensure(connection, Dataset(scale=0.011, seed=1))
    again = dataset.ensure(connection, SMALL)

    assert len({first.content, seeded.content, scaled.content}) == 3
    assert scaled.orders == 550
    assert again == first


def test_the_smallest_scale_works(connection: psycopg.Connection[Any]) -> None:
    tiny = Dataset(scale=0.001)
    assert dataset.ensure(connection, tiny).orders == 50
    date_range(tiny)
