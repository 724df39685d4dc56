"""Scripts of pgbench as workload files."""

import math
import subprocess
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from bench.model.errors import UsageError
from bench.results import file as results
from bench.server.database import Database
from bench.server.programs import binary
from bench.studies.query.script import read_script
from bench.studies.query.script_expressions import Expression, ExpressionError
from tests.bench.command import Bench
from tests.bench.studies.query.test_command import SHORT
from tests.bench.studies.query.test_units import made_databases

TPCB = r"""
-- pgbench's builtin script "TPC-B (sort of)"
\set aid random(1, 100000 * :scale)
\set bid random(1, 1 * :scale)
\set tid random(1, 10 * :scale)
\set delta random(-5000, 5000)
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
UPDATE pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :tid;
UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = :bid;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime)
    VALUES (:tid, :bid, :aid, :delta, CURRENT_TIMESTAMP);
\sleep 100 us
END;
"""
TABLES = """
CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int);
CREATE TABLE pgbench_tellers (tid int PRIMARY KEY, bid int, tbalance int);
CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int);
CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp);
INSERT INTO pgbench_branches VALUES (1, 0);
INSERT INTO pgbench_tellers SELECT n, 1, 0 FROM generate_series(1, 10) AS n;
INSERT INTO pgbench_accounts SELECT n, 1, 0 FROM generate_series(1, 100000) AS n;
"""
ALL = {
    *("psycopg2", "psycopg", "psycopg-async", "asyncpg"),
    *("core+psycopg2", "core+psycopg", "core+psycopg-async", "core+asyncpg"),
}


def test_the_builtin_script_runs_on_every_driver_in_a_copy(
    database: Database, tmp_path: Path
) -> None:
    """Forbid that a script that writes changes the user's tables, or is refused by a driver."""
    with database.connect() as connection:
        connection.execute(TABLES)
    (tmp_path / "tpcb.sql").write_text(TPCB)
    bench = Bench(tmp_path, database.url)
    options = ("--workload-file=tpcb.sql", "--concurrency=2", f"--out={bench.out}", *SHORT)
    done = bench("run", *options, seconds=120)
    assert done.code == 0, done.err
    found = results.load(bench.out)
    assert {case.backend for case in found.cases} == ALL
    assert not found.failures
    assert r"\set aid random(1, 100000 * :scale)" in found.header.statements["tpcb"].sql
    with database.connect() as connection:
        assert connection.execute("SELECT count(*) FROM pgbench_history").fetchone() == (0,)
    assert made_databases(database) == []


def test_the_tables_of_pgbench_itself(database: Database, tmp_path: Path) -> None:
    """Forbid that a script for `pgbench -i` fails on the tables that it makes."""
    made = subprocess.run(
        [binary("pgbench"), "-i", "-q", database.url], capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    (tmp_path / "select.sql").write_text(
        "\\set aid random_zipfian(1, 100000 * :scale, 1.1)\n"
        "SELECT abalance, 'a;b' AS \"100%\" FROM pgbench_accounts WHERE aid = :aid;\n"
    )
    bench = Bench(tmp_path, database.url)
    options = ("--workload-file=select.sql", "--concurrency=1", f"--out={bench.out}", *SHORT)
    done = bench("run", *options, seconds=120)
    assert done.code == 0, done.err
    facts = results.load(bench.out).header.statements["select"]
    assert (facts.changes, facts.read_only) == ("nothing", True)


WRONG = {
    "variable": ("SELECT 1;\nSELECT :absent;", "line 2: no variable is named absent"),
    "command": ("\\gset\nSELECT 1;", "line 1: \\gset is not known here"),
    "function": ("\\set a hash(1)\nSELECT 1;", "line 1: the function hash is not known here"),
    "code": ("\\set a __import__('os')\nSELECT 1;", "the function __import__ is not known here"),
    "nothing": ("\\set a 1", "has no statement"),
    "range": ("\\set a random(2, 1)\nSELECT :a::int;", "line 1: the range from 2 to 1 is empty"),
    "zero": ("\\set a 1 / 0\nSELECT :a::int;", "line 1: it divides by zero"),
    "table": ("\n\nSELECT * FROM absent;", "line 3: the statement failed: relation"),
    "string": ("SELECT 1;\nSELECT 'a;", "from line 1 on: the statement has a '"),
}


@pytest.mark.parametrize(("text", "words"), WRONG.values(), ids=WRONG)
def test_a_script_that_cannot_be_run_is_two_lines(
    text: str, words: str, database: Database, tmp_path: Path
) -> None:
    """Forbid a traceback, and an error without the line of the script."""
    (tmp_path / "wrong.sql").write_text(text)
    done = Bench(tmp_path, database.url)("run", "--workload-file=wrong.sql", *SHORT)
    assert done.code == 2
    assert len(done.error) == 2
    assert words in done.error[0]


def value(text: str, **variables: int) -> float:
    """Return the value of an expression."""
    return Expression.parse(text).value(variables, Random(1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 + 3 * :n", 23),
        ("-7 / 2", -3),
        ("-7 % 3", -1),
        ("mod(7, 4)", 3),
        ("(1 + 2) * -3", -9),
        ("7.0 / 2", 3.5),
        ("greatest(1, :n, 3) - least(4, 2)", 5),
        ("abs(-4)", 4),
    ],
)
def test_arithmetic_is_that_of_c(text: str, expected: float) -> None:
    """Forbid Python's division of negative numbers, which rounds down; pgbench's rounds to 0."""
    assert value(text, n=7) == expected


@pytest.mark.parametrize(
    "text", ["", "1 +", ":n.real", "[1]", "f'{1}'", "lambda: 1", "'a'", "1 if 2 else 3", "2 ** 9"]
)
def test_an_expression_is_never_code(text: str) -> None:
    """Forbid that a script reaches anything of Python."""
    with pytest.raises(ExpressionError):
        Expression.parse(text)


def draws(text: str, amount: int = 20_000) -> Counter[float]:
    """Return how often each value came."""
    random, expression = Random(2), Expression.parse(text)
    return Counter(expression.value({}, random) for _ in range(amount))


def test_the_distributions_are_those_of_pgbench() -> None:
    """Forbid a distribution with another shape or range than pgbench's.

    The expected shares are those of its documentation: for a Gaussian, the range is cut into
    intervals whose share is that of the normal distribution cut at +-parameter; for an exponential,
    value i of n has the share (exp(-p(i-1)/n) - exp(-pi/n)) / (1 - exp(-p)); for a zipfian,
    P(k) / P(k + 1) is ((k + 1) / k) ** s.
    """
    gaussian = draws("random_gaussian(1, 10, 2.5)")
    assert set(gaussian) == set(range(1, 11))
    normal = math.erf(2.5 / math.sqrt(2))
    middle = math.erf(0.5 / math.sqrt(2)) / normal
    assert (gaussian[5] + gaussian[6]) / 20_000 == pytest.approx(middle, abs=0.02)
    exponential = draws("random_exponential(1, 10, 3)")
    assert set(exponential) == set(range(1, 11))
    first = (1 - math.exp(-0.3)) / (1 - math.exp(-3))
    assert exponential[1] / 20_000 == pytest.approx(first, abs=0.02)
    zipfian = draws("random_zipfian(1, 1000, 1.5)")
    assert min(zipfian) == 1
    assert max(zipfian) <= 1000
    assert zipfian[1] / zipfian[2] == pytest.approx(2**1.5, rel=0.1)


def test_every_operation_draws_its_values_anew(tmp_path: Path) -> None:
    """Forbid that a \\set is evaluated once, and that a script's last statement needs a `;`."""
    path = tmp_path / "a.sql"
    path.write_text("\\set a random(1, 1000)\n\\set b \\\n :a + 1\nSELECT :b, :a; SELECT :a")
    script, random = read_script(path), Random(3)
    drawn = [script.draw(random, {}) for _ in range(3)]
    assert len(set(drawn)) == 3
    for (b, a), (again,) in drawn:
        assert (b, again) == (a + 1, a)


def test_a_script_that_is_absent_is_two_lines(tmp_path: Path) -> None:
    """Forbid a traceback for a wrong name."""
    with pytest.raises(UsageError, match="cannot be read"):
        read_script(tmp_path / "absent.sql")
