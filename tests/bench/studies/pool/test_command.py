"""`bench pool` as a user types it: table, sentences, files."""

import csv

import pytest

from bench.analysis.findings import find
from bench.results import file
from bench.server.pgbouncer import installed
from bench.studies.pool.document import blocks
from bench.studies.pool.entries import Deadlock, PoolWaits
from tests.bench.command import Bench

SHORT = ("--rounds=6", "--seconds=0.02", "--concurrency=4", "--size=1,4")


@pytest.mark.usefixtures("database")  # its dataset is larger
def test_a_short_run(bench: Bench) -> None:
    done = bench(
        "pool", "--backend=core+psycopg2", "--no-pgbouncer", "--rounds=2", "--seconds=0.02",
        "--concurrency=2", "--size=1", f"--out={bench.out}", "--no-charts",
    )  # fmt: skip
    assert done.code == 0, done
    assert "waiting" in done.out
    cases = [e.case for e in file.load(bench.out).probed_as(PoolWaits)]
    assert ("core+psycopg2", 1) in [(case.backend, case.pool.size) for case in cases]


@pytest.mark.usefixtures("database")
def test_a_run_of_two_libraries(bench: Bench) -> None:
    """Defect: a probe's cases, or SQLAlchemy's default pool, were missing in table or files."""
    done = bench(
        "pool", "--backend=orm+asyncpg", "--backend=psycopg2", *SHORT, f"--out={bench.out}",
        "--no-pgbouncer",
    )  # fmt: skip
    assert done.code == 0, done
    for words in ("orm+asyncpg: get_total", "5 + 10", "4, pre-ping", "NullPool", "waiting"):
        assert words in done.out
    in_a_line = " ".join(done.out.split())
    assert "deadlock with a pool of 1 and 4, and finish with 5 and 5 + 10" in in_a_line
    assert "connections for 4 tasks or threads" not in done.out
    results = file.load(bench.out)
    assert {entry.case.backend for entry in results.probed_as(PoolWaits)} == {
        "orm+asyncpg",
        "psycopg2",
    }
    assert not {entry.case.pool.pooler_size for entry in results.probed_as(PoolWaits)} - {None}
    assert {entry.case.backend for entry in results.probed_as(Deadlock)} == {"orm+asyncpg"}
    refused = [e for e in results.probed_as(PoolWaits) if e.timeout_error]
    assert {(e.case.backend, e.case.pool.size) for e in refused} == {("psycopg2", 1)}
    assert any(found.topic == "Connection pools" for found in find(results))
    with (bench.out / "summary.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert {row["pool_size"] for row in rows} == {"", "1", "4", "5"}
    assert all(row["pool_checkouts"] for row in rows if row["twin"] == "False")
    assert list((bench.out / "charts").glob("pool-*.png"))
    assert "Connection pools" in (bench.out / "report.html").read_text()


@pytest.mark.usefixtures("database")
def test_pgbouncer(bench: Bench) -> None:
    """Forbids rows of PgBouncer that are only in the file, or a missing one without its reason."""
    if installed() is None:
        done = bench("pool", "--backend=psycopg2", "--pgbouncer", *SHORT)
        assert (done.code, len(done.error)) == (2, 2)
        return
    done = bench("pool", "--backend=psycopg2", *SHORT, f"--out={bench.out}", "--no-charts")
    assert done.code == 0, done
    assert "PgBouncer 4" in done.out
    assert "clients pool" in done.out, "the table is wider than a terminal"
    results = file.load(bench.out)
    behind = [e for e in results.probed_as(PoolWaits) if e.case.pool.pooler_size]
    assert {e.case.pool.pooler_size for e in behind} == {1, 4}
    assert all(e.pooler_wait_ns is not None for e in behind)
    with (bench.out / "summary.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert {row["pooler_size"] for row in rows} == {"", "1", "4"}
    assert any(row["pooler_wait_ns"] for row in rows)


def test_a_workload_that_writes_is_refused(bench: Bench) -> None:
    done = bench("pool", "--workload=insert_order_items", *SHORT)
    assert done.code == 2
    assert len(done.error) == 2


def test_a_backend_without_a_pool_is_refused(bench: Bench) -> None:
    done = bench("pool", "--backend=null", *SHORT)
    assert done.code == 2
    assert "null has no pool of its own" in done.error[0]
    assert len(done.error) == 2


@pytest.mark.usefixtures("database")
def test_the_guide_is_made_from_a_run(bench: Bench) -> None:
    """Forbids a guide whose figures no command wrote, and `make docs` that fails without a run."""
    (words,) = blocks(bench.out, bench.out.parent).values()
    assert words == f"No run is in the repository: `bench pool --out results/{bench.out.name}`."
    done = bench(
        "pool", "--backend=psycopg", "--rounds=1", "--seconds=0.02", "--concurrency=2",
        "--no-charts", "--no-pgbouncer", f"--out={bench.out}",
    )  # fmt: skip
    assert done.code == 0, done
    (words,) = blocks(bench.out, bench.out.parent).values()
    assert f"({bench.out.name}/charts/pool-get_total_cost_of_an_order.png)" in words
    assert "- `psycopg`: 2 threads that each hold a connection" in words
