"""`bench streaming --workload-file`: which ways of fetching a user's own read really stream."""

from pathlib import Path

import pytest

from bench.analysis.summary import summarise
from bench.results import file as results
from bench.server.database import Database
from bench.studies.streaming.break_even import break_evens
from bench.studies.streaming.evidence import ways_of
from tests.bench.command import Bench
from tests.bench.studies.query.test_command import SETUP

SHOP = """
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bench.workloads import Read

class Base(DeclarativeBase):
    pass

class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[int] = mapped_column("customer_id")
    details: Mapped[dict] = mapped_column(JSONB)

newest = Read(
    "newest",
    sql="SELECT * FROM orders WHERE id > :least ORDER BY id DESC",
    orm=select(Order).where(Order.id > bindparam("least")).order_by(Order.id.desc()),
    arguments=[(0,)],
)
few = Read("few", sql="SELECT * FROM orders ORDER BY id LIMIT 3")
"""
BACKENDS = ("psycopg2", "asyncpg", "core+psycopg2", "orm+asyncpg")


@pytest.fixture
def bench(database: Database, tmp_path: Path) -> Bench:
    """The program, and a database with 5,000 orders of a shop."""
    with database.connect() as connection:
        name = connection.execute("SELECT current_database()").fetchone()
        assert name is not None
        connection.execute(SETUP.format(name[0]).replace("2000", "5000"))
    (tmp_path / "shop.py").write_text(SHOP)
    return Bench(tmp_path, database.url)


@pytest.mark.parametrize("backends", [BACKENDS[:1], BACKENDS], ids=["one", "all"])
def test_the_users_own_read_has_verdicts_and_break_evens(
    bench: Bench, backends: tuple[str, ...]
) -> None:
    """Forbid that only the built-in reads are proved to stream, or the ORM's without proof."""
    options = ("--workload-file=shop.py", "--workload=newest", f"--out={bench.out}", "--quiet")
    chosen = [f"--backend={name}" for name in backends]
    done = bench("streaming", "--quick", "--no-charts", *options, *chosen)
    assert done.code == 0, done.err
    run = results.load(bench.out)
    assert not run.failures
    ways = {(way.backend, str(way.fetch)): way for way in ways_of(run, summarise(run))}
    assert {backend for backend, _ in ways} == {*backends}
    for (backend, fetch), way in ways.items():
        assert way.function == "newest"
        assert way.proof is not None, (backend, fetch)
        assert way.proof.failing_row == 4_000
        assert way.proof.clean, way.proof
    for backend in backends:
        assert ways[backend, "buffered"].proof.gave_rows is False  # type: ignore[union-attr]
        assert ways[backend, "batched:1000"].proof.delivered == 3_000  # type: ignore[union-attr]
        assert {10, 1_000, 5_000} <= ways[backend, "buffered"].points.keys()
        assert {2_500, 5_000} <= ways[backend, "buffered"].memory_bytes.keys()
    lines = break_evens(list(ways.values()))
    assert {line.backend for line in lines} == {*backends}
    assert all(line.first_row != "-" and line.memory != "-" for line in lines)
    assert "newest" in done.out
    assert "streams by 1,000" in done.out
    assert run.header.statements["newest"].rows == 5_000


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--workload-file=shop.py", "--workload=few"), "the read few returns 3 rows"),
        (("--workload-file=shop.py", "--workload=newset"), "no read named 'newset'"),
        (("--workload=newest",), "--workload names a read of a workload file"),
        (("--workload-file=shop.py", "--explain=psycopg"), "--explain shows the code"),
        (("--workload-file=absent.py",), "there is no file"),
    ],
)
def test_what_cannot_be_streamed_is_told(
    options: tuple[str, ...], words: str, bench: Bench
) -> None:
    """Forbid a traceback, and a verdict on three rows."""
    done = bench("streaming", *options, f"--out={bench.out}", "--quiet")
    assert (done.code, words in done.error[0]) == (2, True), done
    assert not bench.out.exists()
