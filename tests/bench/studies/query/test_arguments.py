"""Arguments: their sources, their types, their draws."""

from collections import Counter
from pathlib import Path

import pytest

from bench.measure.worker_pool import WorkerPool
from bench.model.errors import UsageError
from bench.server.database import Database
from bench.studies.query.arguments import Arguments
from tests.bench.studies.query.asking import ask, checked, job, text_backends

ALIKE = {
    "integer": ("SELECT $1::int AS a", "42"),
    "twice and out of order": ("SELECT $2::text, $1::int, $2::text, $1 + 1", "42, Alex"),
    "names": ("SELECT :who::text AS a, :n + 1 AS b, :who || '!' AS c", "Alex, 42"),
    "null or value": ("SELECT 1 WHERE $1::int IS NULL OR $1 = 5", "5"),
    "text": ("SELECT upper($1)", "a'b\\c %s"),
    "percent": ("SELECT $1 LIKE '%a%', 5 % 3 AS \"%\", $$50%$$ -- 5 %\n", "Alea"),
    "numeric": ("SELECT $1::numeric + 1", "1.50"),
    "boolean": ("SELECT NOT $1::bool", "t"),
    "date": ("SELECT $1::date + 1", "2024-02-29"),
    "timestamptz": ("SELECT $1::timestamptz", "2024-02-29 12:00+02"),
    "interval": ("SELECT now() - now() + $1::interval", "1 day 02:00"),
    "uuid": ("SELECT $1::uuid", "12345678-1234-5678-1234-567812345678"),
    "bytea": ("SELECT length($1::bytea)", "\\x00ff"),
    "jsonb": ("SELECT $1::jsonb -> 'a'", '{"a": [1]}'),
    "int array": ("SELECT n FROM generate_series(1, 9) AS n WHERE n = ANY ($1::int[])", "{1,3}"),
    "text array": ("SELECT n FROM unnest($1::text[]) AS n", "{a,b}"),
    "uuid array": ("SELECT unnest($1::uuid[])", "{12345678-1234-5678-1234-567812345678}"),
    "inet": ("SELECT host($1::inet)", "10.0.0.1"),
    "range through text": ("SELECT $1::text::int4range", "[1,5)"),
}


@pytest.mark.parametrize(("sql", "values"), ALIKE.values(), ids=ALIKE)
def test_every_backend_takes_arguments_of_every_type(
    sql: str, values: str, empty: Database, pool: WorkerPool
) -> None:
    """Forbid a Python type that a driver cannot send, and arguments in another order."""
    found = checked(pool, ask(empty, sql, values))
    assert {name: check.difference for name, check in found.items()} == dict.fromkeys(found)


def test_candidates_from_a_query_and_a_file(empty: Database, tmp_path: Path) -> None:
    """Forbid that a source's values keep another type than the parameter's."""
    sql = "SELECT :id::int, :name::text"
    asked = "SELECT n::text, 'x' || n FROM generate_series(1, 3) AS n"
    assert list(ask(empty, sql, asked).arguments.candidates) == [
        (1, "x1"),
        (2, "x2"),
        (3, "x3"),
    ]
    commented = "-- three\nSELECT n, 'x%' FROM generate_series(1, 3) AS n WHERE 'a' LIKE '%a';"
    assert list(ask(empty, sql, commented).arguments.candidates)[2] == (3, "x%")
    file = tmp_path / "values.CSV"
    file.write_text('id,name\n7,"a,b"\n8,\n', encoding="utf-8-sig")
    assert list(ask(empty, sql, str(file)).arguments.candidates) == [(7, "a,b"), (8, None)]


def test_candidates_from_a_range_and_literals(empty: Database) -> None:
    """Forbid that a range is written out, or that several literals are lost."""
    sql = "SELECT $1::int"
    assert len(ask(empty, sql, "1..1000000000").arguments.candidates) == 10**9
    assert list(ask(empty, sql, "1", "5").arguments.candidates) == [(1,), (5,)]
    assert list(ask(empty, "SELECT $1::text", "1..3").arguments.candidates) == [
        ("1",),
        ("2",),
        ("3",),
    ]


WRONG = {
    "too few": ("SELECT $1::int, $2::text", ("5",), "has 1 value, and the statement has 2 param"),
    "none given": ("SELECT $1::int", (), "has 1 parameter ($1 integer), but there are no"),
    "none wanted": ("SELECT 1", ("5",), "has no parameters"),
    "another type": ("SELECT $1::int", ("Alex",), 'type integer: "Alex"'),
    "columns": ("SELECT $1::int", ("SELECT 1, 2",), "gives 2 columns, and the statement has 1"),
    "column's type": ("SELECT $1::int", ("SELECT now()",), "cannot cast type timestamp"),
    "a query that fails": ("SELECT $1::int", ("SELECT x FROM y",), 'relation "y" does not exist'),
    "no rows": ("SELECT $1::int", ("SELECT 1 WHERE false",), "returned no rows"),
    "no file": ("SELECT $1::int", ("absent.csv",), "absent.csv of --arguments cannot be read"),
    "an empty range": ("SELECT $1::int", ("9..1",), "--arguments 9..1 is empty"),
    "a range for two": ("SELECT $1::int, $2::int", ("1..9",), "is for one parameter"),
    "a range too large": ("SELECT $1::int", ("1..99999999999",), "out of range for type integer"),
    "half a range": ("SELECT $1::int", ("1..",), 'type integer: "1.."'),
    "a range and a value": ("SELECT $1::int", ("1..5", "7"), 'type integer: "1..5"'),
    "a query's type": ("SELECT $1::int", ("SELECT 'x'",), 'type integer: "x"'),
    "a parameter's": ("SELECT $1::int", ("SELECT :x",), "there is no parameter $1"),
    "two queries": ("SELECT $1::int", ("SELECT 1; DELETE FROM t",), "several statements"),
    "a text like a query": ("SELECT $1::text", ("select me",), 'column "me" does not exist (li'),
    "no value": ("SELECT $1::int, $2::int", ("",), "has 0 values, and the statement has 2"),
    "an open quote": ("SELECT $1::text, $2::text", ('"a, b',), "has 1 value, and the statement"),
    "no text": ("SELECT $1::text", ("\udcff",), "has a byte that is no text"),
    "no JSON": ("SELECT $1::json", ("{",), "invalid input syntax for type json"),
    "no Python date": ("SELECT $1::date", ("infinity",), "that Python has no type for"),
}


def test_what_does_not_fit_names_the_parameters(empty: Database) -> None:
    """Forbid "try it in psql" for a value that no statement has: the types are what to look at."""
    with pytest.raises(UsageError) as raised:
        ask(empty, "SELECT $1::int", "1", "2..3")
    assert str(raised.value).splitlines()[1] == (
        "The statement has 1 parameter ($1 integer); a query, a CSV file or a range cannot be"
        " repeated."
    )


@pytest.mark.parametrize(("sql", "given", "words"), WRONG.values(), ids=WRONG)
def test_arguments_that_do_not_fit_are_two_lines(
    sql: str, given: tuple[str, ...], words: str, empty: Database
) -> None:
    """Forbid a traceback, or an error that does not say what to type."""
    with pytest.raises(UsageError) as raised:
        ask(empty, sql, *given)
    lines = str(raised.value).splitlines()
    assert len(lines) == 2
    assert words in lines[0]


FILES = {
    "short rows": (b"1,2\n3\n", "row 2 of ids.csv has 1 values"),
    "nothing": (b"\n\n", "ids.csv of --arguments has no rows"),
    "a heading": (b"a,b\n", "ids.csv of --arguments has no rows"),
    "another heading": (b"x,y\n1,2\n", 'invalid input syntax for type integer: "x"'),
    "another charset": ("1,2\n".encode("utf-16"), "ids.csv of --arguments cannot be read ('utf-8'"),
    "no text": (b"1,\0\n", "--arguments has a byte that is no text"),
}


@pytest.mark.parametrize(("written", "words"), FILES.values(), ids=FILES)
def test_a_file_that_does_not_fit_is_two_lines(
    written: bytes, words: str, empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forbid a traceback for a CSV file of another program."""
    monkeypatch.chdir(tmp_path)
    Path("ids.csv").write_bytes(written)
    with pytest.raises(UsageError) as raised:
        ask(empty, "SELECT :a::int, :b::int", "ids.csv")
    lines = str(raised.value).splitlines()
    assert len(lines) == 2
    assert words in lines[0]


def test_the_same_seed_draws_the_same_arguments() -> None:
    """Forbid that two backends, or two runs, read other rows."""
    arguments = Arguments("a range", [(n,) for n in range(1000)])
    assert arguments.draws(1, 16, None) == arguments.draws(1, 16, None)
    assert arguments.draws(1, 16, None) != arguments.draws(2, 16, None)


def test_zipf_draws_the_first_arguments_most_often() -> None:
    """Forbid that --zipf draws evenly, or that a long range fills the memory with weights."""
    arguments = Arguments("a range", [(n,) for n in range(1000)])
    counts = Counter(arguments.draws(1, 1, 1.1))
    assert counts.most_common(1)[0][0] == (0,)
    assert counts[(0,)] > 10 * counts[(100,)]
    assert len(set(arguments.draws(1, 1, None))) > 900


def test_clients_share_the_draws(empty: Database) -> None:
    """Forbid that all clients ask for the same row at the same time."""
    question = ask(empty, "SELECT $1::int", "1..1000", clients=4)
    for backend in text_backends():
        plans = job(question, backend, 4).plans()
        asked = [operation.arguments for plan in plans for operation in plan]
        assert Counter(asked) == Counter(question.draws)
        assert len({plan[0].arguments for plan in plans}) > 1
