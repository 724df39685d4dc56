"""The extras in `bench query`: what they read as the server does, and what they cannot read."""

from collections.abc import Iterator

import pytest

import accessors
from bench.measure.worker_pool import WorkerPool
from bench.measure.worker_process import WorkError
from bench.model.fetch import Fetch
from bench.server.database import Database
from bench.server.embedded import EmbeddedServer
from bench.studies.query.description import Type
from bench.studies.query.values import same
from tests.bench.studies.query.asking import ask, checked
from tests.bench.studies.query.test_types import SETUP, VALUES
from tests.databases import new_database
from tests.installed import INSTALLED

READING = [
    name for name in accessors.EXTRAS if name in INSTALLED and accessors.load(name).placeholders
]

# pg8000 takes the network for the address, and leaves NULL out of a record.
_PG8000 = {"record", "inet"}
UNREAD = {
    "pg8000": _PG8000,
    "core+pg8000": _PG8000,
    "psqlpy": {
        # Other values: digits are lost, an address without its network, an oid with a sign.
        *("numeric exponent", "money", "inet", "oid"),
        # No value: psqlpy has no decoder for these, and none for NaN, or NULL in an array.
        *("numeric nan", "char", "timetz", "jsonpath", "record", "int array", "text array"),
        *("numeric array", "enum array", "interval array", "range array", "int4range"),
        *("unbounded range", "empty range", "numrange", "tstzrange", "daterange", "multirange"),
        *("empty multirange", "cidr", "bit", "varbit", "polygon", "tsvector", "tsquery", "pg_lsn"),
        *("xid", "xid8", "tid", "regclass", "regtype", "int2vector", "oidvector"),
        *("aclitem array", "snapshot", "refcursor"),
    },
}
"""The values of `test_types` that an extra does not read as the server has them."""

MOST_USED = (
    "2147483647, bigint '-5', 12.50::numeric, real '1.5', 0.1::float8, true, 'a''b%'::text,"
    " bytea '\\x00ff', uuid '12345678-1234-5678-1234-567812345678', date '2024-02-29',"
    " time '23:59:59.5', timestamp '2024-02-29 12:30', timestamptz '2024-02-29 12:30+05:30',"
    " interval '1 day 2 hours', jsonb '{\"a\": [1, null]}', ARRAY[1, 2], ARRAY['a,b'],"
    " macaddr '08:00:2b:01:02:03', inet '10.0.0.1', NULL::text"
)


@pytest.fixture(scope="module")
def typed(server: EmbeddedServer) -> Iterator[Database]:
    """A database with a table of every kind of type."""
    with new_database(server) as database:
        with database.connect() as connection:
            connection.execute(SETUP)
        yield database


@pytest.mark.parametrize("backend", READING)
def test_an_extra_reads_the_types_that_most_use(
    backend: str, typed: Database, pool: WorkerPool
) -> None:
    """Forbid that a driver is left out because its values are of classes of its own."""
    question = ask(typed, f"SELECT $1::int, $2::text, {MOST_USED}", "5, x")
    assert checked(pool, question, [backend])[backend].difference is None


def test_every_extra_that_takes_sql_is_compared() -> None:
    """Forbid that `bench query --backend pg8000` refuses a driver that could be compared."""
    named = {name for name in accessors.EXTRAS if name.startswith("orm+")}
    assert {*READING} == {name for name in accessors.EXTRAS if name in INSTALLED} - named


@pytest.mark.parametrize("backend", READING)
def test_what_an_extra_cannot_read(backend: str, typed: Database, pool: WorkerPool) -> None:
    """Forbid that a type which an extra reads today is lost, and that the list grows old."""
    unread = set()
    for name, value in VALUES.items():
        question = ask(typed, f"SELECT {value} AS v, 1 AS v")
        try:
            found = checked(pool, question, [backend], (Fetch(),))[backend]
        except WorkError:
            unread.add(name)
        else:
            unread |= {name} if found.difference else set()
    assert unread == UNREAD[backend]


def test_a_value_of_a_class_of_pg8000_is_compared() -> None:
    """Forbid that PGInterval and Range differ from any value, and that they equal another."""
    types = pytest.importorskip("pg8000.types")
    interval, month = Type("interval", "b"), {"months": 1, "days": 0, "microseconds": 0}
    assert same(types.PGInterval(months=1), month, None, interval)
    assert not same(types.PGInterval(days=30), month, None, interval)
    numbers, one_to_four = Type("int4range", "r"), {"lower": 1, "upper": 5, "bounds": "[)"}
    assert same(types.Range(1, 5), one_to_four, None, numbers)
    assert not same(types.Range(1, 5, "[]"), one_to_four, None, numbers)
    assert not same(types.Range(is_empty=True), one_to_four, None, numbers)
