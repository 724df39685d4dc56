"""The rows are the same everywhere, loaded only when they differ, and put back after writes."""

import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psycopg
import pytest

from accessors import sample
from accessors.sql import SCHEMA
from bench.errors import BenchError, UsageError
from bench.rows import dataset, generation, schema
from bench.rows.dataset import Dataset
from bench.rows.fingerprint import fingerprint
from bench.server.database import Database

SMALL = Dataset(scale=0.01, seed=1)

PINNED = "f316515b6e469f0c"


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with database.connect() as opened:
        yield opened


@pytest.fixture
def loaded(connection: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    dataset.ensure(connection, SMALL)
    return connection


def rows(connection: psycopg.Connection[Any], query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()


def value(connection: psycopg.Connection[Any], query: str) -> Any:
    ((only,),) = rows(connection, query)
    return only


def load_id(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Changes when the tables are filled again, or the record of the load is written."""
    return rows(
        connection,
        f"SELECT pg_relation_filenode('{SCHEMA}.orders'), xmin::text FROM {SCHEMA}.dataset",
    )


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
    """The defect: the workload that adds lines meets a line of that item and fails."""
    assert len(SMALL.unordered_items) == 100
    assert value(loaded, f"SELECT max(id) FROM {SCHEMA}.item") == SMALL.unordered_items[-1]
    ordered = value(loaded, f"SELECT max(item_id) FROM {SCHEMA}.order_items")
    assert ordered < SMALL.unordered_items[0]


def test_a_customers_address_has_another_id(loaded: psycopg.Connection[Any]) -> None:
    """The defect: a join on customer.id instead of customer.address_id answers the same."""
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
    """The defect: the server's arithmetic and ours part, and arguments miss the rows."""
    dataset.ensure(connection, data)

    times = rows(connection, f"SELECT id, order_time FROM {SCHEMA}.orders WHERE id > 3 ORDER BY 1")
    assert times == [(order, generation.order_time(data, order)) for order, _ in times]
    assert dataset.date_range(data) == (min(t for _, t in times), max(t for _, t in times))
    assert datetime(2024, 4, 2) <= times[0][1]
    days = [time.date() for _, time in times]
    assert days == sorted(days)
    noonish = sum(9 <= time.hour < 15 for _, time in times)
    assert noonish / len(times) > 0.35


# Deterministic


def test_more_customers_leave_the_orders_as_they_are(connection: psycopg.Connection[Any]) -> None:
    """A dataset of its own: not taken for the other one that has this seed and scale."""
    found = dataset.ensure(connection, Dataset(SMALL.scale, SMALL.seed, more_customers=3))
    assert (found.customer, found.address) == (300, 300)
    assert (found.orders, found.order_items) == (500, 1497)
    assert dataset.ensure(connection, SMALL).customer == 100


def test_the_rows_have_not_changed_unnoticed(loaded: psycopg.Connection[Any]) -> None:
    """If this fails on purpose, raise schema.LAYOUT: old results have other rows."""
    found = fingerprint(loaded)
    assert (found.customer, found.address, found.item) == (100, 100, 200)
    assert (found.orders, found.order_items) == (500, 1497)
    assert (schema.LAYOUT, found.digest) == (2, PINNED)


def test_session_settings_change_neither_rows_nor_fingerprint(database: Database) -> None:
    """The defect: a fingerprint through DateStyle or a time zone differs between two users."""
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
    dataset.date_range(tiny)


# Loaded only when they differ


def test_rows_that_are_there_are_not_loaded_again(loaded: psycopg.Connection[Any]) -> None:
    before = load_id(loaded)
    found = fingerprint(loaded)

    assert dataset.ensure(loaded, SMALL) == found

    assert load_id(loaded) == before


@pytest.mark.parametrize(
    "damage",
    [
        f"UPDATE {SCHEMA}.item SET price = price + 1 WHERE id = 7",
        f"UPDATE {SCHEMA}.item SET description = '' WHERE id = 1",
        f"UPDATE {SCHEMA}.orders SET order_time = order_time + '1 microsecond' WHERE id = 9",
        f"UPDATE {SCHEMA}.customer SET name = 'Eve' WHERE id = 50",
        f"UPDATE {SCHEMA}.address SET flat_number = 0 WHERE id = 50",
        f"DELETE FROM {SCHEMA}.order_items WHERE order_id = 10",
        f"INSERT INTO {SCHEMA}.orders (customer_id) VALUES (1)",
        f"DELETE FROM {SCHEMA}.dataset",
        f"DROP TABLE {SCHEMA}.order_items",
        f"DROP TABLE {SCHEMA}.dataset",
        f"ALTER TABLE {SCHEMA}.item RENAME price TO cost",
    ],
)
def test_rows_that_differ_are_loaded_again(loaded: psycopg.Connection[Any], damage: str) -> None:
    """The defect: a run measures, and names in its result, rows that are not there."""
    loaded.execute(damage)

    assert dataset.ensure(loaded, SMALL).digest == PINNED

    assert fingerprint(loaded).digest == PINNED


def test_after_a_load_the_tables_are_vacuumed_and_analyzed(
    loaded: psycopg.Connection[Any],
) -> None:
    state = rows(
        loaded,
        "SELECT relname, reltuples::int, relallvisible = relpages FROM pg_class"
        f" WHERE relnamespace = '{SCHEMA}'::regnamespace AND relkind = 'r'"
        " AND relname <> 'dataset' ORDER BY 1",
    )
    assert state == [
        ("address", 100, True),
        ("customer", 100, True),
        ("item", 200, True),
        ("order_items", 1497, True),
        ("orders", 500, True),
    ]
    assert value(loaded, f"SELECT count(*) FROM pg_stats WHERE schemaname = '{SCHEMA}'") >= 13


def test_ids_go_on_after_the_last(loaded: psycopg.Connection[Any]) -> None:
    """The defect: the first insert without an id takes 1, and fails."""
    new = [
        value(loaded, f"INSERT INTO {SCHEMA}.{table} RETURNING id")
        for table in (
            "address (flat_number, post_code) VALUES (1, 1)",
            "customer (name, address_id) VALUES ('x', 1)",
            "item (name, price) VALUES ('x', 1)",
            "orders (customer_id) VALUES (1)",
        )
    ]
    assert new == [101, 101, 201, 501]


@pytest.mark.parametrize("step", ["making rows: order_items", "taking the fingerprint"])
def test_an_interrupted_load_leaves_what_was_there(
    loaded: psycopg.Connection[Any], step: str
) -> None:
    """The defect: Ctrl-C while loading leaves half the rows, and the next run measures them."""
    before = load_id(loaded)

    def interrupt(message: str) -> None:
        if message == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dataset.ensure(loaded, Dataset(scale=0.02), interrupt)

    assert load_id(loaded) == before
    assert fingerprint(loaded).digest == PINNED


def test_a_load_interrupted_before_its_vacuum_is_finished_by_the_next(
    connection: psycopg.Connection[Any],
) -> None:
    """The defect: right rows without statistics, and every later run has other plans."""

    def interrupt(message: str) -> None:
        if message == "vacuuming":
            raise KeyboardInterrupt

    analyzed = f"SELECT count(*) > 0 FROM pg_stats WHERE schemaname = '{SCHEMA}'"
    with pytest.raises(KeyboardInterrupt):
        dataset.ensure(connection, SMALL, interrupt)
    assert value(connection, analyzed) is False

    dataset.ensure(connection, SMALL)

    assert value(connection, analyzed) is True


def test_two_commands_may_load_at_once(database: Database) -> None:
    """The defect: both find no rows and load them, one over the other."""
    digests: list[str] = []
    messages: list[str] = []
    together = threading.Barrier(3)

    def ensure() -> None:
        with database.connect() as connection:
            together.wait()
            digests.append(dataset.ensure(connection, SMALL, messages.append).digest)

    threads = [threading.Thread(target=ensure) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert digests == [PINNED] * 3
    assert messages.count("making rows: orders") == 1


def test_a_load_refuses_to_break_a_users_view(loaded: psycopg.Connection[Any]) -> None:
    loaded.execute(f"CREATE VIEW public.mine AS SELECT name FROM {SCHEMA}.customer")

    assert dataset.ensure(loaded, SMALL).digest == PINNED
    with pytest.raises(BenchError, match=r"view mine depends on table gatherbench\.customer"):
        dataset.ensure(loaded, Dataset(scale=0.02))

    assert value(loaded, "SELECT count(*) FROM public.mine") == 100
    assert fingerprint(loaded).digest == PINNED


def test_a_fingerprint_of_no_rows_says_so(connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(BenchError, match="missing or damaged"):
        fingerprint(connection)


# Put back after writes


def test_restore_takes_away_what_writes_added(loaded: psycopg.Connection[Any]) -> None:
    """The defect: the next case finds more rows, other ids or dead ones."""
    new_order = f"INSERT INTO {SCHEMA}.orders (customer_id) VALUES (5) RETURNING id"
    add_line = f"INSERT INTO {SCHEMA}.order_items VALUES (%s, %s, 1)"
    for _ in range(20):
        order = value(loaded, new_order)
        loaded.execute(add_line, [order, 1])
        loaded.execute(add_line, [order, SMALL.unordered_items[0]])
    loaded.execute(add_line, [100, SMALL.unordered_items[-1]])
    loaded.execute(add_line, [3, 1])
    loaded.execute(add_line, [1, 4])
    with pytest.raises(psycopg.errors.UniqueViolation):
        loaded.execute(add_line, [1, 1])
    before = load_id(loaded)

    dataset.restore(loaded, SMALL)

    assert fingerprint(loaded).digest == PINNED
    assert load_id(loaded) == before
    assert value(loaded, new_order) == SMALL.orders + 1


def test_restore_leaves_no_dead_rows(loaded: psycopg.Connection[Any]) -> None:
    """The defect: each writing case leaves the next one a longer table to read."""
    size = f"SELECT pg_table_size('{SCHEMA}.orders') + pg_table_size('{SCHEMA}.order_items')"
    sizes = []
    for _ in range(5):
        loaded.execute(
            f"INSERT INTO {SCHEMA}.orders (customer_id) SELECT 5 FROM generate_series(1, 500)"
        )
        loaded.execute(
            f"INSERT INTO {SCHEMA}.order_items SELECT id, 1, 1 FROM {SCHEMA}.orders"
            f" WHERE id > {SMALL.orders}"
        )
        dataset.restore(loaded, SMALL)
        sizes.append(value(loaded, size))

    assert sizes[-1] == sizes[0]
    visible = value(
        loaded,
        "SELECT bool_and(relallvisible = relpages) FROM pg_class WHERE oid IN"
        f" ('{SCHEMA}.orders'::regclass, '{SCHEMA}.order_items'::regclass)",
    )
    assert visible is True


def test_restore_of_unchanged_rows_changes_nothing(loaded: psycopg.Connection[Any]) -> None:
    before = load_id(loaded)

    dataset.restore(loaded, SMALL)

    assert load_id(loaded) == before
    assert fingerprint(loaded).digest == PINNED
