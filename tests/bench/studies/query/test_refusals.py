"""Statements that cannot be measured: two lines each, and nothing left behind."""

import pytest

from bench.model.errors import BenchError, UsageError
from bench.server.database import Database
from bench.server.url import changed
from tests.bench.command import wait_until
from tests.bench.studies.query.asking import ask

SETUP = """
CREATE TABLE t (id int PRIMARY KEY, v text);
INSERT INTO t SELECT n, 'x' FROM generate_series(1, 10) AS n;
CREATE SEQUENCE s;
CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS 'DELETE FROM t; SELECT 1';
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
    "division": ("SELECT 1 / (id - 5) FROM t", "division by zero"),
}


@pytest.fixture
def filled(database: Database) -> Database:
    """A database with a table."""
    with database.connect() as connection:
        connection.execute(SETUP)
    return database


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
