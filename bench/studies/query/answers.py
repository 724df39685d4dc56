"""The right answers to a user's statement: the server's own JSON of its rows."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.model.errors import BenchError
from bench.model.sql_text import SqlText
from bench.server.database import Database
from bench.studies.query.arguments import Row
from bench.studies.query.description import Column, Description, Type
from bench.studies.query.refusals import explained

if TYPE_CHECKING:
    import psycopg

COMPARED_ROWS = 5_000
"""The most rows of an answer whose values are compared. Further rows are only counted."""
COMPARED_ARGUMENTS = 5
"""The most arguments whose answers are compared."""
MOST_BYTES = 256 * 2**20
"""The largest answer. A buffered fetch holds all of it."""
_BYTES_A_VALUE, _BYTES_A_ROW = 60, 100
"""Memory of a Python value beside its text, and of a row beside its values."""
_COPIES = 3
"""The network's bytes, the library's copy, and the Python value, which a driver holds at once."""

# The JSON of these types is the text that every library gives, or a plain JSON value.
_PLAIN = {
    *("smallint", "integer", "bigint", "oid", "real", "double precision", "numeric", "boolean"),
    *("text", "character varying", "character", "name", "uuid", "bytea", "date", "json", "jsonb"),
    *("timestamp without time zone", "timestamp with time zone", "interval", "xml", "money"),
    *("time without time zone", "time with time zone"),
}


@dataclass(frozen=True)
class Answer:
    """The rows for one row of arguments."""

    arguments: Row
    rows: int
    """The number of all rows."""
    text_bytes: int
    """The size of all rows as text."""
    lines: tuple[str, ...]
    """A JSON array for each compared row: a value for each column."""
    texts: tuple[tuple[str | None, ...], ...]
    """The values of the same rows in the server's text form; None for a plain type, and NULL."""


@dataclass(frozen=True)
class Answers:
    """The right answers, and how steady they are."""

    columns: tuple[Column, ...]
    answers: tuple[Answer, ...]
    ordered: bool = True
    """False if the server gave the same rows in another order the second time."""
    steady: bool = True
    """False if the server gave other rows the second time: then only their number is compared, or
    not even that."""
    counted: bool = True
    """False if the number of rows differed, too."""


def buffered_bytes(answers: Answers) -> int:
    """Return about how much memory a client takes to hold the largest of these answers."""
    return max(
        _COPIES * answer.text_bytes
        + answer.rows * (_BYTES_A_ROW + _BYTES_A_VALUE * len(answers.columns))
        for answer in answers.answers
    )


def ask(
    connection: "psycopg.Connection[Any]",
    database: Database,
    statement: SqlText,
    description: Description,
    rows: Sequence[Row],
    most_bytes: int | None = MOST_BYTES,
) -> Answers:
    """Return the right answers for these arguments, each asked for twice.

    Raises `BenchError` if an answer is larger than `most_bytes`, and if the server refuses the
    statement or does not finish it.
    """
    distinct = list({repr(row): row for row in rows}.values())
    first: list[Answer] = []
    for row in distinct[:COMPARED_ARGUMENTS]:
        count, size = _size(connection, database, statement, description, row)
        if most_bytes is not None and size > most_bytes:
            raise BenchError(
                f"the statement returns {count:,} rows with {size / 1e6:,.0f} MB, more than"
                f" {most_bytes / 1e6:,.0f} MB: a buffered fetch would hold all of it.\n"
                "Add a LIMIT, choose --fetch batched:1000, or raise --most-megabytes if this"
                " machine has the memory."
            )
        first.append(_answer(connection, database, statement, description, row, (count, size)))
        if size > MOST_BYTES / 8 or count > COMPARED_ROWS:
            break  # one large answer shows as much as five
    columns = description.columns
    unordered = unsteady = uncounted = False
    for answer in first:
        found = _size(connection, database, statement, description, answer.arguments)
        again = _answer(connection, database, statement, description, answer.arguments, found)
        uncounted |= again.rows != answer.rows
        if again.lines != answer.lines:
            same = Counter(again.lines) == Counter(answer.lines) and again.rows == answer.rows
            unordered |= same
            unsteady |= not same
    return Answers(columns, tuple(first), not unordered, not unsteady, not uncounted)


def _size(
    connection: "psycopg.Connection[Any]",
    database: Database,
    statement: SqlText,
    description: Description,
    row: Row,
) -> tuple[int, int]:
    """Return the number of rows, and of bytes as text."""
    asked = statement.wrapped(
        "SELECT count(*), coalesce(sum(octet_length(q::text)), 0)::int8 FROM", "AS q"
    )
    found = execute(connection, database, asked, description, row)[0]
    return found[0], found[1]


def _answer(
    connection: "psycopg.Connection[Any]",
    database: Database,
    statement: SqlText,
    description: Description,
    row: Row,
    size: tuple[int, int],
) -> Answer:
    columns = description.columns
    names = [f"c{place}" for place in range(len(columns))]
    alias = f"AS q ({', '.join(names)})" if names else "AS q"
    values = ", ".join(_as_json(f"q.{n}", c.type) for n, c in zip(names, columns, strict=True))
    texts = ", ".join(
        "NULL" if c.type.name in _PLAIN else f"q.{n}::text"
        for n, c in zip(names, columns, strict=True)
    )
    # ARRAY[] has no limit on its elements; json_build_array, a function, has 100.
    asked = statement.wrapped(
        f"SELECT ARRAY[{values}]::text[], ARRAY[{texts}]::text[] FROM",
        f"{alias} LIMIT {COMPARED_ROWS}",
    )
    found = execute(connection, database, asked, description, row)
    lines = tuple(f"[{', '.join('null' if v is None else v for v in row[0])}]" for row in found)
    return Answer(row, *size, lines, tuple(tuple(line[1]) for line in found))


def _as_json(value: str, kind: Type) -> str:
    """Return SQL for the text of the value's JSON.

    Intervals and ranges are taken apart: their text depends on settings of the session.
    """
    if kind.element and (kind.element.kind in {"r", "m"} or kind.element.name == "interval"):
        inner = _as_json("u.e", kind.element)
        return (
            f"(SELECT coalesce('[' || string_agg(coalesce({inner}, 'null'), ', ' ORDER BY u.n)"
            f" || ']', CASE WHEN {value} IS NOT NULL THEN '[]' END)"
            f" FROM unnest({value}) WITH ORDINALITY AS u (e, n))"
        )
    if kind.name == "interval":
        return (
            f"CASE WHEN {value} IS NOT NULL THEN json_build_object("
            f"'months', extract(year FROM {value}) * 12 + extract(month FROM {value}),"
            f" 'days', extract(day FROM {value}),"
            f" 'microseconds', extract(hour FROM {value}) * 3600000000"
            f" + extract(minute FROM {value}) * 60000000"
            f" + extract(microseconds FROM {value}))::text END"
        )
    if kind.kind == "r":
        return f"CASE WHEN {value} IS NOT NULL THEN {_range(value)}::text END"
    if kind.kind == "m":
        return (
            f"CASE WHEN {value} IS NOT NULL THEN (SELECT coalesce(json_agg({_range('u.r')}), '[]')"
            f" FROM unnest({value}) AS u (r))::text END"
        )
    return f"to_json({value})::text"


def _range(value: str) -> str:
    return (
        f"json_build_object('lower', lower({value}), 'upper', upper({value}), 'bounds',"
        f" CASE WHEN isempty({value}) THEN 'empty' ELSE"
        f" CASE WHEN lower_inc({value}) THEN '[' ELSE '(' END ||"
        f" CASE WHEN upper_inc({value}) THEN ']' ELSE ')' END END)"
    )


def execute(
    connection: "psycopg.Connection[Any]",
    database: Database,
    asked: SqlText,
    description: Description,
    row: Row,
) -> list[Any]:
    """Execute a statement that wraps the described one, and return its rows.

    Each parameter has the type that the server described, whatever psycopg would send.
    """
    import psycopg

    text = asked.with_casts([kind.name for kind in description.parameters])
    # The place of an error in the wrapping text would mean nothing to the user.
    with explained(database, ""), psycopg.RawCursor(connection) as cursor:
        cursor.execute(text.encode(), list(row))
        return cursor.fetchall()


def values_of(line: str) -> list[Any]:
    """Return the values of a compared row. Numbers with a point keep every digit."""
    from decimal import Decimal

    values: list[Any] = json.loads(line, parse_float=Decimal)
    return values
