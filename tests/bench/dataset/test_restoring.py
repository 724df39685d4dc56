"""Rows are restored after writes."""

from typing import Any

import psycopg
import pytest

from accessors.sql import SCHEMA
from bench.dataset import loading as dataset
from bench.dataset.fingerprint import fingerprint
from tests.bench.dataset.queries import load_id, value
from tests.bench.dataset.small_dataset import PINNED, SMALL


def test_restore_takes_away_what_writes_added(loaded: psycopg.Connection[Any]) -> None:
    """Defect: the next case finds more rows, other ids, or dead rows."""
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
    """Defect: each writing case leaves a longer table for the next case."""
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
