"""`bench query` as a user types it, and what the other commands make of its results."""

import json
from pathlib import Path

import pytest

from bench.results import file as results
from bench.server.database import Database
from tests.bench.command import Bench

SHORT = ("--rounds=1", "--seconds=0.02", "--no-charts", "--quiet")
TWO = ("--backend=psycopg2", "--backend=core+asyncpg")
BOTH = ("--backend=psycopg2", "--backend=asyncpg")

SETUP = """
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id int PRIMARY KEY, customer_id int, details jsonb);
INSERT INTO shop.orders
    SELECT n, n % 7, jsonb_build_object('n', n) FROM generate_series(1, 2000) AS n;
ALTER DATABASE {} SET search_path = shop;
"""


@pytest.fixture
def bench(database: Database, tmp_path: Path) -> Bench:
    """The program, and a database with a schema of the user's own on the search path."""
    with database.connect() as connection:
        name = connection.execute("SELECT current_database()").fetchone()
        assert name is not None
        connection.execute(SETUP.format(name[0]))
    return Bench(tmp_path, database.url)


def test_a_statement_is_measured_and_explained(bench: Bench, database: Database) -> None:
    """Forbid a plan or notes that are not shown, and anything that stays in the database."""
    sql = "SELECT id, details FROM orders WHERE customer_id = :customer ORDER BY id"
    out = f"--out={bench.out}"
    options = ("--arguments=0..6", "--concurrency=1,2", "--explain", out, *SHORT)
    done = bench("query", sql, *options, *BOTH)
    assert done.code == 0, done.err
    for words in (
        "Where the time goes",
        "y operations/s at 1",
        "Unequal work: asyncpg gives jsonb as text, which others parse.",
        "The server's plan:",
    ):
        assert words in done.out
    assert "null: " not in done.out, "no null backend takes SQL text"
    header = results.load(bench.out).header
    (name,) = header.statements
    facts = header.statements[name]
    assert (facts.sql, facts.rows > 200, facts.parameters) == (sql, True, ["integer"])
    assert facts.kept_arguments is None
    assert header.verified == {"psycopg2": 5, "asyncpg": 5}
    report = (bench.out / "report.html").read_text()
    assert "Where the time goes" in report
    assert "customer_id = ?" in report
    with database.connect() as connection:
        ours = "SELECT count(*) FROM pg_namespace WHERE nspname = 'gatherbench'"
        assert connection.execute(ours).fetchone() == (0,)


def test_every_command_reads_the_results_of_a_statement(bench: Bench) -> None:
    """Forbid that a results file of a statement is of use to `bench query` alone."""
    out = str(bench.out)
    done = bench("query", "SELECT 1 AS a", "--concurrency=1", f"--out={out}", TWO[0], *SHORT)
    assert done.code == 0, done.err
    (name,) = results.load(bench.out).header.statements
    for command in (
        ("charts", out),
        ("report", out),
        ("export", out, "--format=csv"),
        ("compare", out, out, "--no-charts"),
    ):
        done = bench(*command)
        assert done.code == 0, (command, done.err)
    assert (bench.out / "charts" / f"time-{name}.png").exists()


def test_history_shows_a_statement_by_the_name_of_its_workload(bench: Bench) -> None:
    """Forbid that history knows the built-in workloads alone."""
    done = bench("query", "SELECT 1 AS a", "--name=one", "--concurrency=1", *TWO, *SHORT)
    assert done.code == 0, done.err
    shown = bench("history", "--workload=one")
    assert shown.code == 0, shown.err
    assert "psycopg2, one, at 1" in shown.out


def test_two_statements_of_one_name_are_not_compared(bench: Bench) -> None:
    """Forbid that a ratio of two different statements looks like a change."""
    for number, sql in enumerate(("SELECT 1 AS a", "SELECT 2 AS a")):
        out = f"--out={bench.folder / str(number)}"
        done = bench("query", sql, "--name=one", "--concurrency=1", out, *TWO, *SHORT)
        assert done.code == 0, done.err
    done = bench("compare", str(bench.folder / "0"), str(bench.folder / "1"))
    assert done.code == 2
    assert "statements of one differ" in done.err


@pytest.mark.parametrize("option", [(), ("--keep-arguments",)], ids=" ".join)
def test_arguments_are_kept_out_of_the_results_unless_asked_for(
    bench: Bench, option: tuple[str, ...]
) -> None:
    """Forbid that a value typed on the command line, as a name or a number, reaches the file."""
    sql = "SELECT id FROM orders WHERE details ->> 'n' = $1"
    given = ("--arguments", "secret-71", "--concurrency=1", f"--out={bench.out}", TWO[0])
    done = bench("query", sql, *given, *SHORT, *option)
    assert done.code == 0, done.err
    text = (bench.out / "run.jsonl").read_text()
    assert ("secret-71" in text) is bool(option)
    if option:
        return
    # Forbid that old readers meet a field that they cannot skip, or new ones lack the workload.
    header = json.loads(text.splitlines()[0])
    (name,) = header["statements"]
    assert header["format"] == 4
    assert {case["workload"] for case in header["plan"]} == {name}
    assert header["statements"][name]["columns"] == [{"name": "id", "type": "integer"}]


def test_a_backend_that_cannot_read_the_answer_is_left_out_by_name(bench: Bench) -> None:
    """Forbid that one library's limit keeps the others from being measured."""
    out = f"--out={bench.out}"
    drivers = ("--backend=psycopg", "--backend=asyncpg", "--concurrency=1")
    done = bench("query", "SELECT timestamp 'infinity' AS t", out, *drivers, *SHORT)
    assert done.code == 0, done.err
    assert "Not measured: psycopg: DataError: timestamp too large" in done.out
    assert {case.backend for case in results.load(bench.out).cases} == {"asyncpg"}


def test_no_backend_that_can_read_the_answer_is_an_error(bench: Bench) -> None:
    """Forbid an empty table, and a folder without a run."""
    out = f"--out={bench.out}"
    done = bench("query", "SELECT timestamp 'infinity' AS t", "--backend=psycopg", out, *SHORT)
    assert done.code == 1
    assert len(done.error) == 2
    assert "no backend gives the server's answer; psycopg: DataError" in done.error[0]
    assert not bench.out.exists()


WRONG = {
    "nothing": ((), "there is no statement."),
    "twice": (("SELECT 1", "--file=a.sql"), "there are two statements"),
    "no file": (("--file=absent.sql",), "absent.sql cannot be read"),
    "syntax": (("SELECT * FORM orders",), 'syntax error at or near "FORM"'),
    "orm": (("SELECT 1", "--backend=orm+asyncpg"), "orm+asyncpg takes no SQL text"),
    "taken name": (("SELECT 1", "--name=mixed"), "a built-in workload is named 'mixed'"),
    "no name": (("SELECT 1", "--name=a b"), "'a b' is no name for a workload"),
    "write": (("DELETE FROM orders",), "the statement begins with DELETE"),
    "lock": (("SELECT * FROM orders FOR UPDATE",), "SELECT FOR UPDATE in a read-only"),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_measured_is_two_lines_and_leaves_nothing(
    arguments: tuple[str, ...], words: str, bench: Bench
) -> None:
    """Forbid a traceback, an exit code other than 2, and a results folder without a run."""
    done = bench("query", *arguments, f"--out={bench.out}", *SHORT)
    assert done.code == 2
    assert len(done.error) == 2
    assert words in done.error[0]
    assert not bench.out.exists()


def test_a_file_and_many_rows(bench: Bench) -> None:
    """Forbid that a file's statement, or ways of fetching of many rows, are left out."""
    (bench.folder / "all.sql").write_text("-- every order\nSELECT * FROM orders ORDER BY id;\n")
    out = f"--out={bench.out}"
    done = bench("query", "--file=all.sql", "--concurrency=1", out, *TWO, *SHORT)
    assert done.code == 0, done.err
    run = results.load(bench.out)
    fetches = {str(case.fetch) for case in run.cases}
    assert fetches == {"buffered", "streamed", "batched:1000"}
    assert {memory.case.backend for memory in run.memory} == {"psycopg2", "core+asyncpg"}
    assert all(memory.rows == 2000 for memory in run.memory)
    assert "Least memory: " in done.out


def test_a_failed_case_names_the_command_that_repeats_it(bench: Bench) -> None:
    """Forbid that `again` names a `bench run` that knows no such workload."""
    out = f"--out={bench.out}"
    sql = "SELECT id / (id - 5) FROM orders WHERE id = $1"
    done = bench("query", sql, "--arguments=1", out, "--concurrency=1", *TWO, *SHORT)
    assert done.code == 0, done.err
    from bench.analysis import rerun

    run = results.load(bench.out)
    command = rerun.command(run.header, run.header.plan[0])
    assert command.startswith(f"bench query '{sql}' --arguments ... --backend psycopg2")
