"""Answers that are large: told before, limited, and refused where a memory would be full."""

from pathlib import Path

import pytest

import accessors
from bench.execution.links import Links
from bench.model.case import Case
from bench.model.errors import BenchError
from bench.model.fetch import Fetch
from bench.model.plan import Plan
from bench.model.profiles import PROFILES
from bench.model.run_config import RunConfig
from bench.results import file as results
from bench.server.database import Database
from bench.studies.query import room
from bench.studies.query.jobs import QueryJobs
from bench.studies.query.question import Subject
from tests.bench.command import Bench
from tests.bench.conftest import SMALL
from tests.bench.studies.query.asking import ask
from tests.bench.studies.query.test_command import SHORT

NAMES = ("psycopg2", "psycopg", "asyncpg", "core+asyncpg")
FOUR = tuple(f"--backend={name}" for name in NAMES)
WIDE = ", ".join(f"{number} AS c{number}" for number in range(1600))


@pytest.fixture
def bench(database: Database, tmp_path: Path) -> Bench:
    """The program, and an empty database."""
    return Bench(tmp_path, database.url)


def subject_of(database: Database, sql: str) -> tuple[Subject, ...]:
    question = ask(database, sql)
    return (Subject(question.name, (question,), (1,)),)


def test_an_answer_that_does_not_fit_is_refused_before_it_is_fetched(database: Database) -> None:
    """Forbid that the system kills a process, instead of an error that says what to type."""
    subjects = subject_of(database, "SELECT repeat('x', 1000000) AS v FROM generate_series(1, 10)")
    assert 30_000_000 < subjects[0].questions[0].buffered_bytes < 40_000_000
    with pytest.raises(BenchError) as raised:
        room.check_room(subjects, (), (), free=lambda: 50_000_000)
    lines = str(raised.value).splitlines()
    assert (
        "takes about 30.0 MB of a client's memory; half of the free memory is 25.0 MB" in lines[0]
    )
    assert lines[1:] == ["Add a LIMIT, or choose --fetch batched:1000."]
    with pytest.raises(BenchError) as raised:
        room.check_room(subjects, (Fetch(),), (1, 16), free=lambda: 500_000_000)
    assert "and 16 clients hold one each" in str(raised.value)
    assert "lower --concurrency" in str(raised.value)
    streamed = (Fetch("batched", 1000),)
    assert room.check_room(subjects, streamed, (16,), free=lambda: 1) == ((16,), "")


def test_a_large_answer_is_told_and_its_concurrency_limited(database: Database) -> None:
    """Forbid sixteen answers of a hundred megabytes at a time because sixteen is the default."""
    subjects = subject_of(database, "SELECT repeat('x', 20000000) AS v")
    chosen, words = room.check_room(subjects, (), (), free=lambda: 1_000_000_000)
    assert chosen == (1,)
    assert "takes about 60.0 MB of a client's memory" in words
    assert "at most 8 are held at once" in words
    assert room.check_room(subjects, (), (2, 4), free=lambda: 10**11)[0] == (2, 4)
    small = subject_of(database, "SELECT 1 AS a")
    assert room.check_room(small, (), (), free=lambda: 10**9) == ((), "")


def test_samples_of_a_long_run_go_to_its_folder(database: Database, tmp_path: Path) -> None:
    """Defect: worker processes of `bench query` filled TMPDIR, which is often in memory."""
    (subject,) = subject_of(database, "SELECT 1 AS a")
    case = Case("psycopg2", subject.name, loop="none")
    plan = Plan(PROFILES["smoke"], (case,))
    config = RunConfig(plan, accessors.discover(only=["psycopg2"]), SMALL, "")
    with Links(database.url) as links:
        jobs = QueryJobs({subject.name: subject}, config, None, links, str(tmp_path))
        assert jobs.of(case).samples_folder == str(tmp_path)


def test_a_value_of_a_hundred_megabytes(bench: Bench) -> None:
    """Forbid that a value of 100 MB is refused, compared in part, or ends a process."""
    out = f"--out={bench.out}"
    done = bench("query", "SELECT repeat('x', 100000000) AS v", out, *FOUR, *SHORT, seconds=280)
    assert done.code == 0, done.err
    assert "a buffered answer takes about 300 MB of a client's memory" in done.err
    run = results.load(bench.out)
    assert {case.backend for case in run.cases} == {*NAMES}
    assert not run.failures
    assert run.header.verified == dict.fromkeys(run.header.verified or {}, 1)


def test_a_million_rows_in_batches(bench: Bench) -> None:
    """Forbid that the verification of a stream holds all of its rows."""
    sql = "SELECT n, repeat('x', 300) AS v FROM generate_series(1, 1000000) AS n"
    options = ("--fetch=batched:1000", "--concurrency=1", f"--out={bench.out}", "--rounds=1")
    done = bench("query", sql, *options, *FOUR[:3], *SHORT[1:])
    assert done.code == 0, done.err
    runs = results.load(bench.out).runs
    assert {case.backend for case in results.load(bench.out).cases} == {*NAMES[:3]}
    assert {len(run.samples) for run in runs} == {1}, "one operation fills a window"


REFUSED = {
    "a gigabyte": (
        "SELECT repeat('x', 1000000) AS v FROM generate_series(1, 1100)",
        "returns 1,100 rows with 1,100 MB, more than 256 MB",
        "--most-megabytes",
    ),
    "a value of a gigabyte": (
        "SELECT repeat('x', 1073741800) AS v",
        "invalid memory alloc request size",
        "larger than PostgreSQL can hold (1 GB)",
    ),
}


@pytest.mark.parametrize(("sql", "what", "advice"), REFUSED.values(), ids=REFUSED)
def test_a_gigabyte_is_refused(sql: str, what: str, advice: str, bench: Bench) -> None:
    """Forbid that a gigabyte is fetched to find out that it is one."""
    done = bench("query", sql, f"--out={bench.out}", *SHORT)
    assert (done.code, len(done.error)) == (1, 2), done
    assert what in done.error[0]
    assert advice in done.error[1]
    assert not bench.out.exists()


@pytest.mark.parametrize("sql", [f"SELECT {WIDE}", "SELECT FROM generate_series(1, 3)"])
def test_1600_columns_and_none(sql: str, bench: Bench) -> None:
    """Forbid that table or report fail for the most columns that there can be, or for none."""
    done = bench("query", sql, "--concurrency=1", f"--out={bench.out}", *FOUR[:3], *SHORT)
    assert done.code == 0, done.err
    assert {run.case.backend for run in results.load(bench.out).runs} == {*NAMES[:3]}
    assert (bench.out / "report.html").exists()
