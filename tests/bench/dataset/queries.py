"""What the tests of rows ask the database, and how they get the answer."""

from typing import Any

import psycopg

from accessors.sql import SCHEMA


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
