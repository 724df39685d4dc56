"""Queries that the tests of the dataset share."""

from typing import Any

import psycopg

from accessors.sql import SCHEMA


def rows(connection: psycopg.Connection[Any], query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()


def value(connection: psycopg.Connection[Any], query: str) -> Any:
    ((only,),) = rows(connection, query)
    return only


def load_id(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Return a value that changes if the tables are filled again, or the record is written."""
    return rows(
        connection,
        f"SELECT pg_relation_filenode('{SCHEMA}.orders'), xmin::text FROM {SCHEMA}.dataset",
    )
