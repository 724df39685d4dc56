"""Fixtures: a connection to an empty database, and one to a copy of the small dataset."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from bench.server.database import Database


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with database.connect() as opened:
        yield opened


@pytest.fixture
def loaded(own_shop: Database) -> Iterator[psycopg.Connection[Any]]:
    with own_shop.connect() as opened:
        yield opened
