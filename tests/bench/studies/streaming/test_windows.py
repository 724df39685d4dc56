"""Dates that give a result of a size."""

from typing import Any

import psycopg
import pytest

from accessors import sql
from bench.dataset.windows import window
from bench.model.errors import BenchError
from bench.server.database import Database


@pytest.fixture
def rows(shop: Database) -> Any:
    with shop.connect() as connection:
        yield connection


@pytest.mark.parametrize("size", [1, 2, 10, 1000])
def test_there_are_just_so_many_rows_between(rows: "psycopg.Connection[Any]", size: int) -> None:
    found = rows.execute(sql.PERCENT.orders_between_dates, window(rows, size)).fetchall()
    assert len(found) == size


def test_too_many_rows_are_refused(rows: "psycopg.Connection[Any]") -> None:
    with pytest.raises(BenchError, match="10,000 rows between: choose a larger --scale"):
        window(rows, 10_000)
