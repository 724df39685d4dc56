"""Rows are loaded only if they differ, and completely or not at all."""

import threading
from typing import Any

import psycopg
import pytest

from accessors.sql import SCHEMA
from bench.dataset import loading as dataset
from bench.dataset.fingerprint import fingerprint
from bench.model.dataset import Dataset
from bench.model.errors import BenchError
from bench.server.database import Database
from tests.bench.dataset.queries import load_id, rows, value
from tests.bench.dataset.small_dataset import PINNED, SMALL


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
    """Defect: a run measures, and names in its result, rows that do not exist."""
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
    """Defect: the first insert without an id gets id 1, and fails."""
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
    """Defect: Ctrl-C during the load leaves half of the rows, and the next run measures them."""
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
    """Defect: the rows are right but have no statistics, so later runs have other query plans."""

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
    """Defect: two commands find no rows, and both load them at once."""
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
