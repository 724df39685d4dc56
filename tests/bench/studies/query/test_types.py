"""Every PostgreSQL type, through every library: values are compared, not Python types."""

from collections.abc import Iterator

import pytest

from bench.measure.worker_pool import WorkerPool
from bench.measure.worker_process import WorkError
from bench.model.fetch import Fetch
from bench.server.database import Database
from bench.server.embedded import EmbeddedServer
from tests.bench.studies.query.asking import ask, checked
from tests.databases import new_database

SETUP = """
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE DOMAIN price AS numeric CHECK (value >= 0);
CREATE TYPE place AS (street text, number int, since date);
CREATE TABLE every_type (id int PRIMARY KEY, a_mood mood, a_price price, a_place place);
INSERT INTO every_type VALUES (1, 'glad', 9.50, ('a "b", c', 7, '2024-02-29')),
(2, NULL, NULL, NULL), (3, 'sad', 0, NULL);
"""

VALUES = {
    "smallint": "smallint '-32768'",
    "integer": "2147483647",
    "bigint": "bigint '-9223372036854775808'",
    "numeric": "12345678901234567890.123456789000",
    "numeric exponent": "numeric '1e-30'",
    "numeric nan": "numeric 'NaN'",
    "real": "real '1.1'",
    "real infinity": "real '-Infinity'",
    "double": "double precision '0.1'",
    "double nan": "double precision 'NaN'",
    "money": "money '1234.50'",
    "boolean": "false",
    "text": "E'a''b\\n\\u20ac %s $1 :x'",
    "varchar": "varchar(5) 'abc'",
    "char": "char(5) 'abc'",
    '"char"': "\"char\" 'x'",
    "name": "name 'abc'",
    "bytea": "bytea '\\x00ff10'",
    "uuid": "uuid '12345678-1234-5678-1234-567812345678'",
    "date": "date '2024-02-29'",
    "time": "time '23:59:59.999999'",
    "timetz": "timetz '12:30:00+05:30'",
    "timestamp": "timestamp '2024-02-29 12:30:00.5'",
    "timestamptz": "timestamptz '2024-02-29 12:30:00.000001+05:30'",
    "interval": "interval '1 year 2 months 3 days 4 hours -5.000006 seconds'",
    "negative interval": "interval '-14 months'",
    "json": 'json \'{"a": [1, 2.50, null, "x"], "a": 3}\'',
    "jsonb": 'jsonb \'{"a": [1, 2.50, null, {"b": true}]}\'',
    "jsonb text": "jsonb '\"plain\"'",
    "jsonb null": "jsonb 'null'",
    "jsonpath": "jsonpath '$.a[*]'",
    "enum": "mood 'glad'",
    "domain": "price '9.50'",
    "composite": 'place \'("a ""b"", c",7,2024-02-29)\'',
    "record": "ROW(1, 'x', NULL)",
    "int array": "ARRAY[1, NULL, 3]",
    "two dimensions": "ARRAY[[1, 2], [3, 4]]",
    "text array": "ARRAY['a', 'b,c', NULL, '{}']",
    "uuid array": "ARRAY[uuid '12345678-1234-5678-1234-567812345678']",
    "numeric array": "ARRAY[1.50, 'NaN'::numeric]",
    "timestamptz array": "ARRAY[timestamptz '2024-02-29 12:30:00+00']",
    "jsonb array": "ARRAY[jsonb '{\"a\": 1}']",
    "enum array": "ARRAY['sad', 'glad']::mood[]",
    "interval array": "ARRAY[interval '1 day 2 hours', NULL]",
    "range array": "ARRAY[int4range(1, 5), 'empty']",
    "empty array": "ARRAY[]::int[]",
    "int4range": "int4range(1, 5)",
    "unbounded range": "int8range(NULL, 5, '[]')",
    "empty range": "int4range 'empty'",
    "numrange": "numrange(1.5, 2.50, '(]')",
    "tstzrange": "tstzrange('2024-02-29 12:00+00', '2024-03-01 12:00+02')",
    "daterange": "daterange('2024-02-28', '2024-03-01')",
    "multirange": "int4multirange(int4range(1, 3), int4range(7, 9))",
    "empty multirange": "int4multirange()",
    "inet": "inet '192.168.0.1/24'",
    "inet host": "inet '10.0.0.1'",
    "inet6": "inet '2001:db8::1'",
    "cidr": "cidr '10.0.0.0/8'",
    "macaddr": "macaddr '08:00:2b:01:02:03'",
    "macaddr8": "macaddr8 '08:00:2b:01:02:03:04:05'",
    "bit": "bit(5) '10110'",
    "varbit": "varbit '101100111000'",
    "point": "point '(1.5,-2)'",
    "line": "line '{1,2,3}'",
    "lseg": "lseg '[(0,0),(1,1)]'",
    "box": "box '((0,0),(1,1))'",
    "path": "path '[(0,0),(1,1),(2,0)]'",
    "polygon": "polygon '((0,0),(1,1),(2,0))'",
    "circle": "circle '<(0.5,0),2>'",
    "tsvector": "to_tsvector('simple', 'a fat cat')",
    "tsquery": "tsquery 'fat & !cat'",
    "pg_lsn": "pg_lsn '16/B374D848'",
    "oid": "oid '4294967295'",
    "xid": "xid '42'",
    "xid8": "xid8 '12345678901'",
    "tid": "tid '(3,7)'",
    "regclass": "regclass 'every_type'",
    "regtype": "regtype 'integer'",
    "int2vector": "int2vector '1 2 3'",
    "oidvector": "oidvector '1 2 3'",
    "aclitem array": "(SELECT relacl FROM pg_class WHERE relname = 'pg_class')",
    "snapshot": "pg_snapshot '10:20:10,14,15'",
    "refcursor": "refcursor 'abc'",
    "null": "NULL",
    "typed null": "NULL::jsonb",
}

LEFT_AS_TEXT = {
    "jsonb '{}'": {"asyncpg"},
    "json '[1]'": {"asyncpg"},
    "int4range(1, 5)": set(),
    "ARRAY[uuid '12345678-1234-5678-1234-567812345678']": {"psycopg2"},
    "place '(a,7,2024-02-29)'": {
        *("psycopg2", "core+psycopg2", "psycopg", "core+psycopg"),
        *("psycopg-async", "core+psycopg-async"),
    },
}
"""A value -> the backends that leave it as text, where others parse it. SQLAlchemy registers json
with asyncpg, and uuid with psycopg2."""


@pytest.fixture(scope="module")
def typed(server: EmbeddedServer) -> Iterator[Database]:
    """A database with a table of every kind of type."""
    with new_database(server) as database:
        with database.connect() as connection:
            connection.execute(SETUP)
        yield database


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_every_backend_gives_the_value_of_every_type(
    value: str, typed: Database, pool: WorkerPool
) -> None:
    """Forbid that a library's own Python type (asyncpg's text for json) counts as another value."""
    found = checked(pool, ask(typed, f"SELECT {value} AS v, 1 AS v"), fetches=(Fetch(),))
    assert {name: check.difference for name, check in found.items()} == dict.fromkeys(found)


@pytest.mark.parametrize("value", LEFT_AS_TEXT)
def test_a_value_that_a_library_leaves_as_text_is_noted(
    value: str, typed: Database, pool: WorkerPool
) -> None:
    """Forbid that less work passes for more speed: asyncpg does not parse json, psycopg does."""
    found = checked(pool, ask(typed, f"SELECT {value} AS v, 'x' AS w"), fetches=(Fetch(),))
    assert {name for name, check in found.items() if check.texts} == LEFT_AS_TEXT[value]


def test_a_value_that_a_library_cannot_read_is_its_difference(
    typed: Database, pool: WorkerPool
) -> None:
    """Forbid that an infinite date, which psycopg refuses, ends the whole run."""
    question = ask(typed, "SELECT timestamp 'infinity' AS v")
    found = checked(pool, question, ["asyncpg"], (Fetch(),))
    assert found["asyncpg"].difference is None
    with pytest.raises(WorkError, match="timestamp too large"):
        checked(pool, question, ["psycopg"], (Fetch(),))


def test_the_table_of_every_kind_of_type(typed: Database, pool: WorkerPool) -> None:
    """Forbid that NULLs of an enum, a domain or a composite differ in any way of fetching."""
    found = checked(pool, ask(typed, "SELECT *, every_type FROM every_type ORDER BY id"))
    assert {name: check.difference for name, check in found.items()} == dict.fromkeys(found)
    assert found["psycopg2"].checks == 3
