"""The server's description of a statement: the types of its parameters and columns."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.model.sql_text import SqlText
from bench.server.database import Database
from bench.studies.query.refusals import explained

if TYPE_CHECKING:
    import psycopg

_NAMES = """
    SELECT t.oid::int8, pg_catalog.format_type(t.oid, NULL), t.typtype::text, t.typcategory::text,
           coalesce(e.oid, 0)::int8, pg_catalog.format_type(e.oid, NULL), e.typtype::text
    FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type e
        ON t.typcategory = 'A' AND e.oid = t.typelem
    WHERE t.oid = ANY (%s)
"""


@dataclass(frozen=True)
class Type:
    """A type of the server."""

    name: str
    """The name as `format_type` writes it: `integer`, `timestamp with time zone`, `shop.size[]`."""
    kind: str
    """`b` a base type, `c` a composite, `d` a domain, `e` an enum, `p` pseudo, `r` a range, `m` a
    multirange."""
    element: "Type | None" = None
    """The type of an array's elements."""


@dataclass(frozen=True)
class Column:
    """A column of the result."""

    name: str
    type: Type


@dataclass(frozen=True)
class Description:
    """The parameters and the columns of a statement."""

    parameters: tuple[Type, ...]
    columns: tuple[Column, ...]


def describe(
    connection: "psycopg.Connection[Any]", database: Database, statement: SqlText
) -> Description:
    """Return the server's description. Raises `UsageError` if the server refuses the statement."""
    import psycopg

    text = statement.numbered
    with explained(database, text):
        pgconn = connection.pgconn
        for result in (pgconn.prepare(b"", text.encode()), pgconn.describe_prepared(b"")):
            if result.status == psycopg.pq.ExecStatus.FATAL_ERROR:
                raise psycopg.errors.error_from_result(result, encoding="utf-8")
        parameters = [result.param_type(at) for at in range(result.nparams)]
        columns = [
            ((result.fname(at) or b"").decode(), result.ftype(at)) for at in range(result.nfields)
        ]
        oids = list({*parameters, *(oid for _, oid in columns)})
        types = {row[0]: _type(row) for row in connection.execute(_NAMES, [oids]).fetchall()}
    return Description(
        tuple(types[oid] for oid in parameters),
        tuple(Column(name, types[oid]) for name, oid in columns),
    )


def _type(row: tuple[Any, ...]) -> Type:
    _, name, kind, category, element, element_name, element_kind = row
    # int2vector and oidvector are in the category of arrays, but are no arrays of the usual kind.
    if category == "A" and element and kind == "b" and name.endswith("[]"):
        return Type(name, kind, Type(element_name, element_kind))
    return Type(name, kind)
