"""The arguments of a statement: candidates from a query, a CSV file, a range or literals."""

import csv
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.model.errors import UsageError
from bench.model.sql_text import SqlText
from bench.model.workload import READ_ARGUMENTS
from bench.server.database import Database
from bench.studies.query.description import Type
from bench.studies.query.refusals import explained

if TYPE_CHECKING:
    import psycopg

MOST_CANDIDATES = 100_000
"""The most rows of a query or a file that arguments are drawn from. A range may be longer."""
LEAST_PER_CLIENT = 64

_RANGE = re.compile(r"(-?\d{1,18})\.\.(-?\d{1,18})")
_QUERY = re.compile(
    r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(SELECT|WITH|VALUES|TABLE)\b", re.IGNORECASE | re.DOTALL
)

# Types that psycopg reads as a Python value which each driver accepts as an argument. The others
# travel as text.
_PLAIN = {
    *("smallint", "integer", "bigint", "oid", "real", "double precision", "numeric", "boolean"),
    *("text", "character varying", "character", "name", "uuid", "bytea", "date", "interval"),
    *("timestamp without time zone", "timestamp with time zone"),
    *("time without time zone", "time with time zone"),
}

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Arguments:
    """The candidates for the arguments of a statement."""

    source: str
    """Their kind, without their values: `none`, `a query`, `a CSV file`, `a range`, `literals`."""
    candidates: Sequence[Row]

    def draws(self, seed: int, clients: int, zipf: float | None) -> tuple[Row, ...]:
        """Return the rows for one run, drawn uniformly, or by Zipf's law: the first most often.

        By Zipf's law with exponent s, the row at place k has the weight 1/k**s. The same seed gives
        the same draws.
        """
        count = max(READ_ARGUMENTS, LEAST_PER_CLIENT * clients)
        if len(self.candidates) == 1:
            return (self.candidates[0],)
        chance = random.Random(f"{seed}/arguments")
        if zipf is None:
            places = [chance.randrange(len(self.candidates)) for _ in range(count)]
        else:
            # A range may be longer than any list of weights: its tail is drawn with its first part.
            amount = min(len(self.candidates), 10 * MOST_CANDIDATES)
            weights = list(accumulate(place**-zipf for place in range(1, amount + 1)))
            places = chance.choices(range(amount), cum_weights=weights, k=count)
        return tuple(self.candidates[place] for place in places)


@dataclass(frozen=True)
class _Range(Sequence[Row]):
    numbers: range

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, place: Any) -> Any:
        return (self.numbers[place],)


def gather(
    connection: "psycopg.Connection[Any]",
    database: Database,
    statement: SqlText,
    types: Sequence[Type],
    given: Sequence[str] | Sequence[Sequence[Any]],
) -> Arguments:
    """Return the candidates that `given` describes: the values of `--arguments`, or rows of values.

    The server casts every value to the type of its parameter. Raises `UsageError` for values of
    another number or type than the parameters.
    """
    names = [f"{n} {t.name}" for n, t in zip(statement.parameters, types, strict=True)]
    wanted = f"{len(types)} parameter{'' if len(types) == 1 else 's'}"
    wanted += f" ({', '.join(names)})" if names else ""
    if not types:
        if given:
            raise UsageError(
                "the statement has no parameters, but there are --arguments.\n"
                "Write $1 in the statement where a value belongs, or leave --arguments out."
            )
        return Arguments("none", [()])
    if not given:
        raise UsageError(
            f"the statement has {wanted}, but there are no --arguments.\n"
            "Give a query, a CSV file, a range or a value: --arguments 'SELECT id FROM customer',"
            " --arguments ids.csv, --arguments 1..1000, --arguments 42."
        )
    source = given[0]
    if not isinstance(source, str):
        written = [_written(row, len(types), wanted) for row in given]
        return Arguments("a list", _cast(connection, database, types, written, wanted))
    texts = [text for text in given if isinstance(text, str)]
    if len(given) == 1 and _QUERY.match(source):
        return _from_query(connection, database, types, source, wanted)
    if len(given) == 1 and (found := _RANGE.fullmatch(source)):
        return _from_range(connection, database, types, int(found[1]), int(found[2]), wanted)
    if len(given) == 1 and source.lower().endswith(".csv"):
        rows = _rows_of_file(Path(source), statement, wanted)
        return Arguments("a CSV file", _cast(connection, database, types, rows, wanted))
    rows = [_literals(text, len(types), wanted) for text in texts]
    if len(texts) > 1:
        wanted += "; a query, a CSV file or a range cannot be repeated"
    return Arguments("literals", _cast(connection, database, types, rows, wanted))


def _from_query(
    connection: "psycopg.Connection[Any]",
    database: Database,
    types: Sequence[Type],
    query: str,
    wanted: str,
) -> Arguments:
    import psycopg

    query = SqlText.parse(query).numbered
    what = "the query of --arguments"
    # Described as it was typed first, so that an error has its place in the user's own text.
    with explained(database, query, what):
        result = connection.pgconn.prepare(b"", query.encode())
        if result.status == psycopg.pq.ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result, encoding="utf-8")
    with explained(database, "", what):
        empty: Any = f"SELECT * FROM ({query}\n) AS c LIMIT 0".replace("%", "%%")
        columns = connection.execute(empty, ()).description or []
    if len(columns) != len(types):
        raise UsageError(
            f"{what} gives {len(columns)} columns, and the statement has {wanted}.\n"
            "Select one column for each parameter, in their order; give a text that begins like a"
            " query in a CSV file."
        )
    named = ", ".join(f"c{place}" for place in range(len(types)))
    text = (
        f"SELECT {_casts(types)} FROM ({query}\n) AS candidates ({named}) LIMIT {MOST_CANDIDATES}"
    )
    rows = _fetch(connection, database, text, (), what, wanted)
    if not rows:
        raise UsageError(f"{what} returned no rows.\nLet it return values for the parameters.")
    return Arguments("a query", rows)


def _from_range(
    connection: "psycopg.Connection[Any]",
    database: Database,
    types: Sequence[Type],
    first: int,
    last: int,
    wanted: str,
) -> Arguments:
    if len(types) != 1:
        raise UsageError(
            f"--arguments {first}..{last} is for one parameter, and the statement has {wanted}.\n"
            "Give a query or a CSV file with a column for each parameter."
        )
    if last < first:
        raise UsageError(f"--arguments {first}..{last} is empty.\nBegin with the smaller number.")
    ends = _cast(connection, database, types, [(str(first),), (str(last),)], wanted)
    if not all(type(value) is int for (value,) in ends):
        # numeric, text and so on: each number is cast by the server
        amount = min(last, first + MOST_CANDIDATES - 1)
        rows = [(str(number),) for number in range(first, amount + 1)]
        return Arguments("a range", _cast(connection, database, types, rows, wanted))
    return Arguments("a range", _Range(range(first, last + 1)))


def _rows_of_file(path: Path, statement: SqlText, wanted: str) -> list[tuple[str | None, ...]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in islice(csv.reader(file), MOST_CANDIDATES + 1) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(
            f"the file {path} of --arguments cannot be read ({reason}).\n"
            "Give a CSV file in UTF-8 with a column for each parameter."
        ) from None
    names = [name.lstrip(":$") for name in statement.parameters]
    if rows and rows[0] == names:  # a heading
        rows = rows[1:]
    if not rows:
        raise UsageError(f"the file {path} of --arguments has no rows.\nWrite one in each line.")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(names):
            raise UsageError(
                f"row {number} of {path} has {len(row)} values, and the statement has {wanted}.\n"
                "Give one value for each parameter, in their order."
            )
    # As in COPY's CSV format, an empty field is NULL.
    return [tuple(value or None for value in row) for row in rows[:MOST_CANDIDATES]]


def _literals(text: str, parameters: int, wanted: str) -> tuple[str | None, ...]:
    values = [text] if parameters == 1 else next(csv.reader([text], skipinitialspace=True), [])
    if len(values) != parameters:
        raise UsageError(
            f"--arguments has {len(values)} value{'' if len(values) == 1 else 's'}, and the"
            f" statement has {wanted}.\nSeparate the values by commas, in the parameters' order."
        )
    return tuple(values)


def _written(row: Any, parameters: int, wanted: str) -> tuple[str | None, ...]:
    """Return a row of Python values as text."""
    if isinstance(row, str) or not isinstance(row, Sequence) or len(row) != parameters:
        raise UsageError(
            f"arguments has the row {row!r:.60}, and the statement has {wanted}.\n"
            "Write a tuple with a value for each parameter."
        )
    return tuple(None if value is None else _text_of(value) for value in row)


def _text_of(value: Any) -> str:
    """Return a Python value as PostgreSQL reads it: a dict as JSON, a list as an array."""
    if isinstance(value, Enum):  # SQLAlchemy stores an enum's name
        return value.name
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, list):
        return "{" + ",".join(map(_element, value)) + "}"
    return str(value)


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    text = _text_of(value)
    if isinstance(value, list):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _is_text(text: str) -> bool:
    return not any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in text)


def _casts(types: Sequence[Type], of: str = "c{}") -> str:
    return ", ".join(
        f"CAST({of.format(place)} AS {kind.name})" + ("" if _travels(kind) else "::text")
        for place, kind in enumerate(types)
    )


def _travels(kind: Type) -> bool:
    """Return whether the arguments of this type travel as Python values, and not as text."""
    return kind.name in _PLAIN or (kind.element is not None and kind.element.name in _PLAIN)


def _cast(
    connection: "psycopg.Connection[Any]",
    database: Database,
    types: Sequence[Type],
    rows: Sequence[tuple[str | None, ...]],
    wanted: str,
) -> list[Row]:
    """Return the texts as values of the parameters' types, in their order."""
    if not all(_is_text(text) for row in rows for text in row if text):
        raise UsageError(
            "--arguments has a byte that is no text (NUL, or a byte that is not UTF-8).\n"
            "Give values of bytea as \\x00ff, and others in UTF-8."
        )
    columns = list(zip(*rows, strict=True))
    lists = ", ".join(["%s::text[]"] * len(columns))
    named = ", ".join(f"c{place}" for place in range(len(columns)))
    text = (
        f"SELECT {_casts(types)} FROM unnest({lists}) WITH ORDINALITY AS t ({named}, place)"
        " ORDER BY place"
    )
    lists_of = [list(column) for column in columns]
    return _fetch(connection, database, text, lists_of, "--arguments", wanted)


def _fetch(
    connection: "psycopg.Connection[Any]",
    database: Database,
    text: str,
    values: Sequence[Any],
    what: str,
    wanted: str,
) -> list[Row]:
    import psycopg

    advice = f"The statement has {wanted}."
    query: Any = text if values else text.replace("%", "%%")
    try:
        with explained(database, "", what, advice):
            cursor = connection.execute(query, values)
        return list(cursor.fetchall())
    except psycopg.DataError as error:  # a date before Christ or at infinity
        raise UsageError(
            f"{what} holds a value that Python has no type for ({error}).\nChoose other values."
        ) from None


def for_driver(row: Row, driver: str) -> Row:
    """Return the arguments as the driver takes them: psycopg2 knows no UUID by itself."""
    if driver != "psycopg2":
        return row
    import uuid

    def plain(value: Any) -> Any:
        if isinstance(value, uuid.UUID):
            return str(value)
        if isinstance(value, list) and value and isinstance(value[0], uuid.UUID):
            return "{" + ",".join(map(str, value)) + "}"
        return value

    return tuple(map(plain, row))
