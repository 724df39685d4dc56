"""`bench pool --workload-file`: pools with a read of the user's own."""

from pathlib import Path

import pytest

from bench.results import file
from bench.studies.pool.entries import Deadlock, PoolWaits
from tests.bench.command import Bench

READS = """
from bench.workloads import Read, Workload

numbers = Read("numbers", sql="SELECT n FROM generate_series(1, :n) AS n ORDER BY n",
               arguments=[(3,), (5,)])
one = Read("one", sql="SELECT 1 AS n")
pair = Workload("pair", {numbers: 1, one: 2})
"""
ONE = READS.partition("one =")[0]
UNIT = """
from psycopg import Connection
from bench.workloads import Workload

def count(session: Connection) -> None:
    session.execute("SELECT 1")

calls = Workload("calls", {count: 1})
"""
SHORT = ("--rounds=1", "--seconds=0.02", "--concurrency=3", "--size=1,3", "--no-charts")


@pytest.fixture
def reads(bench: Bench) -> Path:
    """The file that the command is given."""
    path = bench.folder / "shop.py"
    path.write_text(READS)
    return path


def test_a_mix_of_reads(bench: Bench, reads: Path) -> None:
    """Forbids that pools are measured only with the built-in reads."""
    done = bench(
        "pool", "--backend=asyncpg", "--backend=psycopg2", f"--workload-file={reads}",
        "--workload=pair", *SHORT, f"--out={bench.out}",
    )  # fmt: skip
    assert done.code == 0, done
    assert "asyncpg: pair" in done.out
    results = file.load(bench.out)
    waits = {(e.case.backend, e.case.pool.size): e for e in results.probed_as(PoolWaits)}
    assert set(waits) == {("asyncpg", 1), ("asyncpg", 3), ("psycopg2", 1), ("psycopg2", 3)}
    assert all(entry.checkouts for entry in waits.values())
    assert {(e.case.pool.size, e.deadlocked) for e in results.probed_as(Deadlock)} == {
        (1, True),
        (3, True),
        (4, False),
    }


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (READS + "other = Workload('other', {one: 1})", (), "declares 2 workloads, and bench pool"),
        (READS, ("--workload=pear",), "no workload named 'pear'"),
        (UNIT, (), "calls has units of work, and bench pool measures reads"),
        (ONE, ("--pgbouncer",), "no PgBouncer is put in front of a workload file"),
        (None, (), "shop.py"),
    ],
)
def test_wrong_use(
    bench: Bench, reads: Path, text: str | None, options: tuple[str, ...], words: str
) -> None:
    if text is None:
        reads.unlink()
    else:
        reads.write_text(text)
    done = bench("pool", "--backend=psycopg", f"--workload-file={reads}", *options, *SHORT)
    assert done.code == 2, done
    assert len(done.error) <= 2
    assert words in done.error[0]
