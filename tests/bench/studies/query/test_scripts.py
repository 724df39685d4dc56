"""Scripts of pgbench as workload files."""

import math
import re
import subprocess
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from bench.model.errors import UsageError
from bench.results import file as results
from bench.server.database import Database
from bench.server.programs import binary
from bench.studies.query import script_files
from bench.studies.query.script import read_script
from bench.studies.query.script_expressions import Expression, ExpressionError, Value
from bench.studies.query.script_files import BUILT_IN, workloads_of
from bench.workloads import COPY
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


@pytest.mark.parametrize("backends", [("psycopg", "core+asyncpg"), ()], ids=["two", "all"])
def test_the_builtin_script_runs_on_every_driver_in_a_copy(
    database: Database, tmp_path: Path, backends: tuple[str, ...]
) -> None:
    """Forbid that a script that writes changes the user's tables, or is refused by a driver."""
    with database.connect() as connection:
        connection.execute(TABLES)
    (tmp_path / "tpcb.sql").write_text(TPCB)
    bench = Bench(tmp_path, database.url)
    options = ("--workload-file=tpcb.sql", "--concurrency=2", f"--out={bench.out}", *SHORT)
    chosen = [f"--backend={name}" for name in backends]
    done = bench("run", *options, *chosen)
    assert done.code == 0, done.err
    found = results.load(bench.out)
    assert {case.backend for case in found.cases} == (set(backends) or ALL)
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
    done = bench("run", *options)
    assert done.code == 0, done.err
    facts = results.load(bench.out).header.statements["select"]
    assert (facts.changes, facts.read_only) == ("nothing", True)


WRONG = {
    "variable": ("SELECT 1;\nSELECT :absent;", "line 2: no variable is named absent"),
    "command": ("\\absent 1\nSELECT 1;", "line 1: \\absent is not known here"),
    "function": ("\\set a md5(1)\nSELECT 1;", "line 1: the function md5 is not known here"),
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


REFUSED = {
    "result": ("SELECT 1 AS a \\gset\nSELECT :a;", "\\gset takes a value from a result"),
    "pipeline": ("\\startpipeline\nSELECT 1;", "line 1: \\startpipeline asks for pipeline mode"),
    "shell": ("\\setshell a echo 1\nSELECT 1;", "line 1: \\setshell runs a program"),
    "client": ("SELECT :client_id;", "line 1: :client_id is not known"),
    "no endif": ("\\if true\nSELECT 1;", "line 1: \\if has no \\endif"),
    "no if": ("SELECT 1;\n\\endif", "line 2: there is no \\if before \\endif"),
    "else twice": (
        "\\if 1\n\\else\n\\elif 1\n\\endif\nSELECT 1;",
        "line 3: there is no \\if before",
    ),
    "no condition": ("\\if\nSELECT 1;\n\\endif", "line 1: \\if has no condition"),
    "not taken": ("\\if 0\n\\set a 1\n\\endif\nSELECT :a;", "line 4: no variable is named a"),
    "joined": ("SELECT 1 \\; SELECT 2;", "line 1: \\; joins statements"),
    "sleep": ("\\set a -1\n\\sleep :a ms\nSELECT 1;", "line 2: \\sleep has the duration -1"),
}


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED)
def test_what_a_script_cannot_do_here_is_two_lines(text: str, words: str, tmp_path: Path) -> None:
    """Forbid that a command of pgbench is skipped, or refused without its line and reason."""
    path = tmp_path / "wrong.sql"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        read_script(path).draw(Random(1), {})
    first, _ = str(error.value).splitlines()
    assert words in first


EXPRESSIONS = r"""
2 + 3 * :n
-7 / 2
-7 % 3
mod(-7, 4)
(1 + 2) * -3
7.0 / 2
- - 3 - -:n
greatest(1, :n, 3) - least(4, 2.5)
abs(-4)
int(5.4 + 3.8)
int(2.5)
int(-2.5)
not 1 = 2
not 1 < 2 and true
1 < 2 or null
null and false
null or true
(null or false) is null
null isnull
1 notnull
true is not false
1 | 2 & 3 # 2
~6
1 << 4 + 1
-8 >> 1
case when :n > 9 then 5 when 0.5 then 7 else 9 end
case when null then 1 end
hash(10, 5432)
hash(-123456789, -7)
hash_fnv1a(10, 5432)
hash_fnv1a(-1, 1)
hash_murmur2(10, 5432)
permute(0, 4, 1)
permute(3, 1000, 5432)
permute(77, 1000003, -9)
permute(-5, 17, 3)
permute(2, 3, 8)
permute(9, 1, 8)
exp(1.0)
ln(2.5)
pow(2.0, 10)
power(2, 10)
pi()
sqrt(2.0)
double(5432)
1 = 1.0
2 <> 3 and 3 != 4
.5 + 1e2
"""


def test_every_operator_and_function_has_the_value_of_pgbench(
    database: Database, tmp_path: Path
) -> None:
    """Forbid another precedence, rounding or hash than pgbench's own, which says each value."""
    texts = EXPRESSIONS.strip().splitlines()
    script = tmp_path / "debug.sql"
    script.write_text(
        "\\set n 7\n" + "".join(f"\\set x debug({text})\n" for text in texts) + "SELECT 1;\n"
    )
    command = [binary("pgbench"), "-n", "-t", "1", "-f", script, database.url]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    right = re.findall(r"^debug\(script=0,command=\d+\): (.*)$", done.stderr, re.MULTILINE)
    assert len(right) == len(texts)
    found = {text: as_pgbench_says(value(text, n=7)) for text in texts}
    assert found == dict(zip(texts, right, strict=True))


def as_pgbench_says(found: Value) -> str:
    """Return a value with its type, as pgbench's debug() prints it."""
    if found is None or isinstance(found, bool):
        return {True: "boolean true", False: "boolean false", None: "null"}[found]
    return f"int {found}" if isinstance(found, int) else f"double {found:.15g}"


def value(text: str, **variables: int) -> Value:
    """Return the value of an expression."""
    return Expression.parse(text).value(variables, Random(1))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("9223372036854775807 + 1", "out of the range of bigint"),
        ("9223372036854775808", "out of the range of bigint"),
        ("1 and true", "is no boolean"),
        ("true + 1", "a boolean is no integer"),
        ("int(1e300)", "out of the range"),
        ("permute(1, 0, 3)", "a size above 0"),
        ("abs(1, 2)", "another number of arguments"),
        ("5 % 0", "divides by zero"),
        ("(" * 200 + "1" + ")" * 200, "nested too deeply"),
    ],
)
def test_an_expression_without_a_value_is_refused(text: str, words: str) -> None:
    """Forbid that a value is made up where pgbench ends with an error, and a deep recursion."""
    with pytest.raises(ExpressionError, match=words):
        value(text)


def test_branches_are_taken_by_the_values_of_each_operation(tmp_path: Path) -> None:
    """Forbid that a branch is taken for all operations alike, or that a nested one is lost."""
    path = tmp_path / "a.sql"
    path.write_text(
        "\\set n random(1, 4)\n"
        "\\if :n = 1\nSELECT 1;\n"
        "\\elif :n = 2\n\\if false\nSELECT 21;\n\\else\nSELECT 22;\n\\endif\n"
        "\\else\n\\sleep :n ms\n\\endif\n"
        "SELECT :n::int;\n"
    )
    script, random = read_script(path), Random(3)
    texts = [None if step is None else step.numbered for step in script.steps]
    taken = set()
    for _ in range(100):
        drawn = script.draw(random, {})
        ((number,),) = (drawn[-1],)
        steps = [texts[place] for place, values in enumerate(drawn) if values is not None]
        taken.add((number, *map(str, steps[:-1])))
    assert taken == {(1, "SELECT 1"), (2, "SELECT 22"), (3, "None"), (4, "None")}


def test_scripts_have_weights_and_names_as_in_pgbench(tmp_path: Path) -> None:
    """Forbid that `file@weight` is taken for a file's name, and that weights are lost."""
    (tmp_path / "a.sql").write_text("SELECT 1;")
    (tmp_path / "b@2.sql").write_text("SELECT 2;")
    _, (mix,) = workloads_of([f"{tmp_path}/a.sql@3", f"{tmp_path}/b@2.sql", "select-only@0"])
    assert {part.name: weight for part, weight in mix.parts.items()} == {"a": 3, "b-2": 1}
    assert mix.setup is None
    _, (mix,) = workloads_of(["tpcb-like", "select-only@9"])
    assert mix.name == "tpcb-like-and-select-only"
    assert mix.setup == COPY


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["a.py", "tpcb-like"], "a.py is no script of pgbench"),
        (["a.py@2"], "a.py is no script of pgbench"),
        (["tpcb-like@0"], "every script has the weight 0"),
        (["tpcb-like", "tpcb-like@2"], "two scripts are named tpcb-like"),
        (["absent.sql@2"], "absent.sql cannot be read"),
    ],
)
def test_files_that_cannot_be_mixed_are_two_lines(files: list[str], words: str) -> None:
    """Forbid a traceback, and that a file is left out without a word."""
    with pytest.raises(UsageError) as error:
        workloads_of(files)
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_script_is_pgbenchs_own(name: str) -> None:
    """Forbid that a script that is chosen by its name differs from that of pgbench."""
    done = subprocess.run(
        [binary("pgbench"), f"--show-script={name}"], capture_output=True, text=True, check=True
    )
    own = (Path(script_files.__file__).parent / "scripts" / f"{name}.sql").read_text()
    # The first line of each is a comment. pgbench prints a script to stderr.
    assert own.splitlines()[1:] == [line for line in done.stderr.splitlines() if line][1:]


@pytest.mark.parametrize(
    "text", ["", "1 +", ":n.real", "[1]", "f'{1}'", "lambda: 1", "'a'", "1 if 2 else 3", "2 ** 9"]
)
def test_an_expression_is_never_code(text: str) -> None:
    """Forbid that a script reaches anything of Python."""
    with pytest.raises(ExpressionError):
        Expression.parse(text)


def draws(text: str, amount: int = 20_000) -> Counter[Value]:
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
