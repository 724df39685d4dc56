"""Statements that cannot be measured: two lines each, and nothing left behind."""

from collections.abc import Iterator

import pytest

from bench.measure.worker_pool import WorkerPool
from bench.model.errors import BenchError, UsageError
from bench.model.fetch import Fetch
from bench.server.database import Database
from bench.server.embedded import EmbeddedServer
from bench.server.url import changed
from tests.bench.command import wait_until
from tests.bench.studies.query.asking import ask, checked
from tests.databases import new_database
from tests.installed import INSTALLED

EXTRAS = tuple(name for name in ("pg8000", "psqlpy") if name in INSTALLED)

SETUP = """
CREATE TABLE t (id int PRIMARY KEY, v text);
INSERT INTO t SELECT n, 'x' FROM generate_series(1, 10) AS n;
CREATE SEQUENCE s;
CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS 'DELETE FROM t; SELECT 1';
CREATE FUNCTION opens() RETURNS refcursor LANGUAGE plpgsql AS
    $$DECLARE c refcursor := 'c'; BEGIN OPEN c FOR SELECT * FROM t; RETURN c; END$$;
CREATE FUNCTION temporary() RETURNS int LANGUAGE plpgsql AS
    $$BEGIN CREATE TEMP TABLE tt (a int); RETURN 1; END$$;
CREATE FUNCTION raises() RETURNS int LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION E'two\\nlines'; END$$;
CREATE SCHEMA "Odd ""schema"" %s :x $1";
CREATE TABLE "Odd ""schema"" %s :x $1"."T a;b" ("a:b" int, "c%d" int, "e$1" int);
INSERT INTO "Odd ""schema"" %s :x $1"."T a;b" VALUES (1, 2, 3);
"""

REFUSED = {
    "syntax": ("SELECT * FORM t", 'syntax error at or near "FORM" (line 1: SELECT * >>FORM t)'),
    "syntax in line 2": ("SELECT *\nFROM t WHER id = 1", "(line 2: SELECT * FROM t WHER >>id = 1)"),
    "table": ("SELECT * FROM orderz", 'relation "orderz" does not exist'),
    "column": ("SELECT ida FROM t", 'column "ida" does not exist'),
    "function": ("SELECT nope(id) FROM t", "function nope(integer) does not exist"),
    "parameter type": ("SELECT $1", None),
    "ambiguous parameter": ("SELECT 1 WHERE $1 IS NULL", "could not determine data type"),
    "for update": ("SELECT * FROM t FOR UPDATE", "cannot execute SELECT FOR UPDATE in a read-only"),
    "sequence": ("SELECT nextval('s')", "cannot execute nextval() in a read-only"),
    "writing function": ("SELECT writes()", "cannot execute DELETE in a read-only"),
    "writing with": (
        "WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d",
        "WITH clause containing a data-modifying statement",
    ),
    "insert": ("INSERT INTO t VALUES (99)", "the statement begins with INSERT"),
    "set": ("SET work_mem = '1GB'", "the statement begins with SET"),
    "two": ("SELECT 1; DROP TABLE t", "there are several statements"),
    **{
        verb: (statement, f"the statement begins with {verb}")
        for verb, statement in {
            "COPY": "COPY t TO STDOUT",
            "CALL": "CALL p()",
            "DO": "DO $$BEGIN END$$",
            "EXPLAIN": "EXPLAIN SELECT 1",
            "SHOW": "SHOW work_mem",
            "LISTEN": "LISTEN a",
            "DECLARE": "DECLARE c CURSOR FOR SELECT 1",
            "MERGE": "MERGE INTO t USING t AS u ON false WHEN NOT MATCHED THEN DO NOTHING",
        }.items()
    },
    **{
        sql: (sql, "whose effect is outside of its transaction")
        for sql in (
            "SELECT pg_advisory_lock(5)",
            'SELECT "pg_try_advisory_xact_lock" (5)',
            "SELECT /* ( */ PG_CATALOG . pg_notify('a', 'b')",
            "SELECT set_config('default_transaction_read_only', 'off', false)",
            "SELECT pg_terminate_backend(pg_backend_pid())",
        )
    },
    "nothing": ("", "there is no statement"),
    "comments": ("-- SELECT 1\n/* SELECT 2 */;;", "there is no statement"),
    "psql": ("\\d t", "\\d is a command of psql"),
    "nul": ("SELECT\0 1", "has a byte that is no text"),
    "bytes": ("SELECT '\udcff'", "has a byte that is no text"),
    "into": ("SELECT * INTO made FROM t", "SELECT ... INTO is not allowed here."),
    "other parameter": ("SELECT * FROM t WHERE id = %s", "id = >>%s"),
    "temporary table": ("SELECT temporary()", "CREATE TABLE in a read-only"),
    "division": ("SELECT 1 / (id - 5) FROM t", "division by zero"),
}


@pytest.fixture(scope="module")
def filled(server: EmbeddedServer) -> Iterator[Database]:
    """A database with a table. Nothing that these tests ask changes it."""
    with new_database(server) as database:
        with database.connect() as connection:
            connection.execute(SETUP)
        yield database


@pytest.mark.parametrize(("sql", "words"), [p for p in REFUSED.values() if p[1]])
def test_a_statement_that_the_server_refuses_is_two_lines(
    sql: str, words: str, filled: Database
) -> None:
    """Forbid a traceback, an error without its place, and a statement that writes after all."""
    arguments = ("5",) if "$1" in sql else ()
    with pytest.raises(UsageError) as raised:
        ask(filled, sql, *arguments)
    lines = str(raised.value).splitlines()
    assert len(lines) == 2, lines
    assert words in lines[0]
    with filled.connect() as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (10,)
        made = "SELECT count(*) FROM pg_class WHERE relname IN ('made', 'tt')"
        assert connection.execute(made).fetchone() == (0,)


ADVICE = {
    "SELECT 1 WHERE 1 = ?": "Write a parameter as $1 or as :name, and its value with --arguments.",
    "SELECT 1 WHERE 1 = %(id)s": "Write a parameter as $1 or as :name, and its value with"
    " --arguments.",
    "SELECT * INTO made FROM t": "Leave INTO out: nothing is created in your database.",
    "EXPLAIN SELECT 1": "Leave EXPLAIN out, and add --explain: the plan comes after the figures.",
    "SELECT pg_notify('a', 'b')": "Leave pg_notify() out, or add --allow-writes.",
}


@pytest.mark.parametrize("sql", ADVICE)
def test_what_to_type_instead(sql: str, filled: Database) -> None:
    """Forbid one piece of advice for all: another way to write parameters is no wrong syntax."""
    with pytest.raises(UsageError) as raised:
        ask(filled, sql)
    assert str(raised.value).splitlines()[1] == ADVICE[sql]


def test_an_error_of_several_lines_is_one(filled: Database) -> None:
    """Forbid that a function's own text, which has a second line, hides what to type."""
    with pytest.raises(BenchError) as raised:
        ask(filled, "SELECT raises()")
    lines = str(raised.value).splitlines()
    assert lines == ["the statement failed: two lines.", "Try it in psql, and correct it."]


def test_a_cancelled_statement_is_no_timeout(filled: Database) -> None:
    """Forbid that a statement which an administrator cancels is said to be too slow."""
    with pytest.raises(BenchError) as raised:
        ask(filled, "SELECT pg_cancel_backend(pg_backend_pid())", allow_writes=True)
    assert "due to user request" in str(raised.value)
    assert "--statement-timeout" not in str(raised.value)


def test_the_place_of_an_error_is_in_the_users_text(filled: Database) -> None:
    """Forbid that an error quotes the statement of ours that is wrapped around the user's."""
    for sql in ("SELECT * INTO made FROM t", "WITH d AS (DELETE FROM t RETURNING *) TABLE d"):
        with pytest.raises(UsageError) as raised:
            ask(filled, sql)
        assert "int8" not in str(raised.value)


READ = {
    'SELECT * FROM "Odd ""schema"" %s :x $1"."T a;b"': 1,
    "SELECT 'a:b', ':x', $$:y$$, $a$;$1$a$ FROM (SELECT 1 AS \":z\") q -- :w $1": 1,
    "SELECT '12:30'::time, (ARRAY[1, 2])[1:n] FROM (SELECT 2 AS n) q;": 1,
    "SELECT v LIKE 'x%', v LIKE '%%', id % 3, '%(x)s' FROM t ORDER BY id;; -- end": 10,
    "SELECT j ? 'a', j ?| ARRAY['a'], j @? '$.a ? (@ > 3)' FROM (SELECT jsonb '{}' AS j) q": 1,
    "SELECT 'a\\b', E'a\\\\b\\'c', U&'\\0041'": 1,
    "VALUES (1, 'a'), (2, 'b')": 2,
    "TABLE t": 10,
    "(SELECT 1) UNION (SELECT 2)": 2,
    "SELECT FROM t": 10,
    "SELECT opens()": 1,
}


@pytest.mark.parametrize("sql", READ)
def test_a_statement_with_odd_signs_is_read_as_it_is(
    sql: str, filled: Database, pool: WorkerPool
) -> None:
    """Forbid that a sign of a library's own language (%, :, ?) changes the statement, in any."""
    question = ask(filled, sql)
    assert (question.rows, question.compared) == (READ[sql], "values")
    # pg8000 gives nothing for rows of no column, and psqlpy reads no refcursor.
    extras = EXTRAS if sql not in ("SELECT FROM t", "SELECT opens()") else ()
    backends = ("psycopg2", "asyncpg", "core+psycopg", *extras)
    found = checked(pool, question, backends, fetches=(Fetch(),))
    assert {name: check.difference for name, check in found.items()} == dict.fromkeys(found)


def test_the_users_volatile_functions_are_told(filled: Database) -> None:
    """Forbid that a function which might lock or notify is executed without a word."""
    assert ask(filled, "SELECT opens(), random() > 2, pg_sleep(0)").volatile == ("opens",)
    assert ask(filled, "SELECT 'opens()', count(*) FROM t").volatile == ()


def test_a_role_without_rights_is_told_so(filled: Database) -> None:
    """Forbid that a missing right reads like an unknown table."""
    with filled.connect() as connection:
        role = f"reader_{connection.info.backend_pid}"
        connection.execute(f"CREATE ROLE {role}")
        try:
            limited = Database(changed(filled.url, options=f"-c role={role}"))
            with pytest.raises(UsageError) as raised:
                ask(limited, "SELECT * FROM t")
            lines = str(raised.value).splitlines()
            assert lines == [
                "the statement failed: permission denied for table t.",
                "Connect as a role that may read it (--database-url), or GRANT SELECT to this"
                " role.",
            ]
        finally:
            connection.execute(f"DROP ROLE {role}")


def test_a_role_that_may_not_write_is_told_so(database: Database) -> None:
    """Forbid the advice to add --allow-writes to a command that has it."""
    with database.connect() as connection:
        connection.execute("CREATE TABLE t (id int)")
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(UsageError) as raised:
        ask(database, "SELECT * FROM t FOR UPDATE", allow_writes=True)
    lines = str(raised.value).splitlines()
    assert "cannot execute SELECT FOR UPDATE" in lines[0]
    assert lines[1] == "The server is a standby, or the role is read-only: choose another."


def test_a_url_is_shown_as_it_was_typed(database: Database) -> None:
    """Forbid that an error shows the settings which the command adds to the URL."""
    absent = Database(changed(database.url, dbname="absent"))
    with pytest.raises(BenchError) as raised:
        ask(absent, "SELECT 1")
    assert "statement_timeout" not in str(raised.value)


def test_a_statement_that_never_ends_is_ended(filled: Database) -> None:
    """Forbid that the command waits for ever, or that the server works on after it."""
    endless = "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r) SELECT n FROM r"
    with pytest.raises(BenchError) as raised:
        ask(filled, endless, statement_timeout_s=0.3)
    assert not isinstance(raised.value, UsageError)
    lines = str(raised.value).splitlines()
    assert "did not end within --statement-timeout" in lines[0]
    assert "--statement-timeout" in lines[1]
    with filled.connect() as connection:
        busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bench query'"
        # A server process lives a moment longer than its connection.
        wait_until(lambda: connection.execute(busy).fetchone() == (0,))


def test_a_lock_and_a_sequence_are_measured_if_writes_are_allowed(filled: Database) -> None:
    """Forbid that --allow-writes has no effect."""
    question = ask(filled, "SELECT * FROM t ORDER BY id FOR UPDATE", allow_writes=True)
    assert (question.rows, question.compared) == (10, "values")
    assert ask(filled, "SELECT nextval('s')", allow_writes=True).compared == "counts"


def test_nothing_is_made_in_the_users_database(filled: Database) -> None:
    """Forbid that a schema of ours is created where only a statement is measured."""
    ask(filled, "SELECT * FROM t")
    with filled.connect() as connection:
        schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'gatherbench'"
        assert connection.execute(schemas).fetchone() == (0,)


def test_the_plan_keeps_no_argument(filled: Database) -> None:
    """Forbid that an argument's value gets into the results file through the plan."""
    sql = "SELECT * FROM t WHERE v = $1 AND id < $2"
    question = ask(filled, sql, "secret-value, 77123")
    facts = repr(question.facts({}))
    assert "secret" not in facts
    assert "77123" not in facts
    kept = repr(ask(filled, sql, "secret-value, 77123", keep_arguments=True).facts({}))
    assert "secret-value" in kept
    assert "77123" in kept
