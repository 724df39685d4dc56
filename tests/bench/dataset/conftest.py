"""Fixtures: a connection to an empty database, and one to the small dataset."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from bench.dataset import loading as dataset
from bench.server.database import Database
from tests.bench.dataset.small_dataset import SMALL


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with database.connect() as opened:
        yield opened


@pytest.fixture
def loaded(connection: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    dataset.ensure(connection, SMALL)
    return connection
