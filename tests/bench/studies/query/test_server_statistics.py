"""The server's own times of a statement, from pg_stat_statements."""

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter_ns

import pytest

from bench.results import file as results
from bench.server.database import Database
from bench.studies.query.entries import ServerStatistics
from bench.studies.query.server_statistics import shape
from tests.bench.command import Bench
from tests.bench.studies.query.test_command import SHORT
from tests.listening import DEBIAN, Listening, listening

NAMES = ("psycopg2", "psycopg", "asyncpg", "core+asyncpg", "core+psycopg2")
SETUP = (
    "CREATE TABLE orders AS SELECT n AS id, n % 7 AS customer_id FROM generate_series(1, 500) n",
    "CREATE EXTENSION pg_stat_statements",
)
SQL = "SELECT id, 'x' AS x FROM orders WHERE customer_id = :customer::int AND id > 0 ORDER BY id"

ALIKE = (
    "SELECT a, 'x' FROM t WHERE b = $1::int AND c > 5 -- words\n",
    "SELECT a, $1 FROM t WHERE b = $2::integer AND c > $3",
    "SELECT  a, 'it''s'  FROM t WHERE b = %s AND c > -5.5;",
    "select a, 'x' from t where b = %(b)s and c > 5",
    "SELECT a, 'x' FROM t WHERE b = :b::character varying(5) AND c > 5",
)


def test_the_shape_of_a_text_is_the_same_through_every_library() -> None:
    """Forbid that a library's own placeholders or casts hide the statement from its counters."""
    assert len({shape(text) for text in ALIKE}) == 1
    assert shape(ALIKE[0]) != shape(ALIKE[0].replace("c >", "d >"))


@pytest.fixture(scope="module")
def counting() -> Iterator[Listening]:
    """A server with pg_stat_statements loaded."""
    if not (DEBIAN.parent / "lib" / "pg_stat_statements.so").exists():
        pytest.skip("needs Debian's PostgreSQL 15 with pg_stat_statements")
    settings = {"shared_preload_libraries": "pg_stat_statements"}
    with listening("host all all 127.0.0.1/32 trust\n", settings, programs=DEBIAN) as server:
        server.execute(*SETUP)
        yield server


def test_the_servers_own_times_are_in_the_bars(counting: Listening, tmp_path: Path) -> None:
    """Forbid that EXPLAIN's time stands where the server has counted the very executions."""
    bench = Bench(tmp_path, counting.url())
    chosen = [f"--backend={name}" for name in NAMES]
    options = ("--arguments=0..6", "--concurrency=1,2", f"--out={bench.out}", "--rounds=2")
    start_ns = perf_counter_ns()
    done = bench("query", SQL, *options, *chosen, "--seconds=0.05", "--quiet")
    took_ns = perf_counter_ns() - start_ns
    assert done.code == 0, done.err
    run = results.load(bench.out)
    found = {entry.case.backend: entry for entry in run.probed_as(ServerStatistics)}
    assert {*found} == {*NAMES}
    windows = dict.fromkeys(NAMES, 0)
    for measured in run.runs:
        if measured.case.concurrency == 1 and not measured.case.twin:
            windows[measured.case.backend] += len(measured.samples)
    for name, entry in found.items():
        assert entry.case.concurrency == 1
        assert windows[name] <= entry.calls <= 2 * windows[name] + 2_000
        assert 0 < entry.execution_ns < 2 * took_ns, "two clients take no longer"
        assert entry.planning_ns == 0, "the server does not track it"
    assert "By pg_stat_statements, the server executed it in" in done.out
    assert "EXPLAIN's time stands for" not in done.out
    assert "By pg_stat_statements" in (bench.out / "report.html").read_text()


def test_without_the_extension_it_is_said_once(database: Database, tmp_path: Path) -> None:
    """Forbid an error, or a figure of another source without a word, where nothing is counted."""
    bench = Bench(tmp_path, database.url)
    chosen = ("--backend=psycopg2", "--backend=asyncpg", "--concurrency=1")
    done = bench("query", "SELECT 1 AS a", *chosen, f"--out={bench.out}", *SHORT)
    assert done.code == 0, done.err
    words = "The plan's time is EXPLAIN's alone: pg_stat_statements counts nothing here."
    assert (done.out + done.err).count("pg_stat_statements") == 1
    assert words in " ".join(done.out.split())
    assert not results.load(bench.out).probed_as(ServerStatistics)
