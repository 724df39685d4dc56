"""The server's answers, and the comparison with those of every library."""

from dataclasses import replace

import pytest

from bench.measure.worker_pool import WorkerPool
from bench.measure.worker_process import WorkError
from bench.model.errors import BenchError
from bench.model.fetch import Fetch
from bench.server.database import Database
from tests.bench.studies.query.asking import ask, checked

ALIKE = {
    "duplicate names": "SELECT 1 AS a, 2 AS a, NULL AS a",
    "nulls": "SELECT NULL::int AS a, NULL::jsonb AS b FROM generate_series(1, 3)",
    "no rows": "SELECT 1 AS a WHERE false",
    "many columns": f"SELECT {', '.join(f'{n} AS c{n}' for n in range(1600))}",
    "250 rows": "SELECT n, n::text FROM generate_series(1, 250) AS n ORDER BY 1",
    "percent signs": "SELECT 5 % 2 AS a, '100 %s' AS b, ':x $1' AS c, '%(y)s' AS d",
    "comments": "SELECT 1 AS a -- :x $1 'open\n/* %s */ ;",
    "values": "VALUES (1, 'a'), (2, NULL)",
    "with": "WITH t AS (SELECT 1 AS a) TABLE t",
    "odd names": 'SELECT 1 AS "a b", 2 AS "%s", 3 AS "?column?", 4',
    "the catalogue": "SELECT c.*, a.attname, a.attnum, a.attacl, a.attoptions, a.attidentity"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a"
    " ON a.attrelid = c.oid ORDER BY c.oid, a.attnum LIMIT 200",
}


@pytest.mark.parametrize("sql", ALIKE.values(), ids=ALIKE)
def test_every_backend_gives_the_servers_answer(
    sql: str, empty: Database, pool: WorkerPool
) -> None:
    """Forbid that a statement reads otherwise through a library's own placeholders."""
    found = checked(pool, ask(empty, sql))
    assert {name: check.difference for name, check in found.items()} == dict.fromkeys(found)


def test_a_statement_without_columns(empty: Database, pool: WorkerPool) -> None:
    """Forbid that rows without columns count as no rows."""
    drivers = ["psycopg2", "psycopg", "asyncpg", "psycopg-async"]
    found = checked(pool, ask(empty, "SELECT FROM generate_series(1, 3)"), drivers)
    assert {name: check.difference for name, check in found.items()} == dict.fromkeys(found)


def test_a_column_that_a_library_cannot_read_is_an_error_of_that_library(
    empty: Database, pool: WorkerPool
) -> None:
    """Forbid that asyncpg, which knows no anyarray, keeps the others from being measured."""
    question = ask(empty, "SELECT attmissingval FROM pg_catalog.pg_attribute LIMIT 1")
    with pytest.raises(WorkError, match="could not resolve query result"):
        checked(pool, question, ["asyncpg"], (Fetch(),))
    assert checked(pool, question, ["psycopg"], (Fetch(),))["psycopg"].difference is None


def test_a_value_of_many_megabytes(empty: Database, pool: WorkerPool) -> None:
    """Forbid that a large value is refused below --most-megabytes, or compared in part."""
    question = ask(empty, "SELECT repeat('x', 30000000) AS v")
    found = checked(pool, question, ["psycopg2", "psycopg", "asyncpg"], (Fetch(),))
    assert {name: check.difference for name, check in found.items()} == dict.fromkeys(found)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (("[1, 2]", "[2, 4]"), "buffered, row 2, column b (integer): 3 instead of 4"),
        (("[1, 2]", "[null, 3]"), "buffered, row 2, column a (integer): 2 instead of None"),
    ],
)
def test_another_value_is_named_with_its_row(
    lines: tuple[str, ...], words: str, empty: Database, pool: WorkerPool
) -> None:
    """Forbid that a wrong value passes, or that nobody learns which."""
    question = ask(empty, "SELECT n AS a, n + 1 AS b FROM generate_series(1, 2) AS n")
    (answer,) = question.answers.answers
    wrong = replace(question.answers, answers=(replace(answer, lines=lines),))
    found = checked(pool, replace(question, answers=wrong))
    assert {check.difference for check in found.values()} == {words}


def test_another_number_of_rows_is_a_difference(empty: Database, pool: WorkerPool) -> None:
    """Forbid that rows beyond the compared ones are lost without notice."""
    question = ask(empty, "SELECT n FROM generate_series(1, 6000) AS n")
    (answer,) = question.answers.answers
    assert (answer.rows, len(answer.lines)) == (6000, 5000)
    wrong = replace(question.answers, answers=(replace(answer, rows=6001),))
    found = checked(pool, replace(question, answers=wrong), ["asyncpg"])
    assert found["asyncpg"].difference == "buffered: 6,000 rows instead of 6,001"


@pytest.mark.parametrize(
    ("sql", "compared"),
    [
        ("SELECT n FROM generate_series(1, 9) AS n ORDER BY n", "values"),
        ("SELECT n FROM generate_series(1, 9) AS n ORDER BY random()", "sets"),
        ("SELECT random() FROM generate_series(1, 9)", "counts"),
        ("SELECT n FROM generate_series(1, 1 + (random() * 3e4)::int) AS n", "columns"),
    ],
)
def test_a_volatile_statement_is_compared_as_far_as_it_is_steady(
    sql: str, compared: str, empty: Database, pool: WorkerPool
) -> None:
    """Forbid that random() makes every library wrong, and that it hides a wrong number of rows."""
    question = ask(empty, sql)
    assert question.compared == compared
    found = checked(pool, question, ["psycopg2", "core+asyncpg"])
    assert {name: check.difference for name, check in found.items()} == dict.fromkeys(found)


def test_a_row_outside_the_set_is_a_difference(empty: Database, pool: WorkerPool) -> None:
    """Forbid that rows without an order are not compared at all."""
    question = ask(empty, "SELECT n FROM generate_series(1, 3) AS n ORDER BY random()")
    (answer,) = question.answers.answers
    wrong = replace(
        question.answers, ordered=False, answers=(replace(answer, lines=("[1]", "[2]", "[4]")),)
    )
    found = checked(pool, replace(question, answers=wrong), ["psycopg"])
    assert "is none of the server's rows: (3,)" in str(found["psycopg"].difference)


def test_an_answer_that_is_too_large_is_refused(empty: Database) -> None:
    """Forbid that a gigabyte is fetched into several processes at a time."""
    with pytest.raises(BenchError, match=r"returns 1,000 rows with 1 MB, more than 1 MB") as raised:
        ask(
            empty,
            "SELECT repeat('x', 1000) FROM generate_series(1, 1000)",
            most_bytes=999_999,
        )
    assert "--most-megabytes" in str(raised.value).splitlines()[1]
