"""Workload files: reads in SQL, Core and the ORM, and what a file can do wrong."""

from pathlib import Path

import pytest

from bench.results import file as results
from bench.server.database import Database
from tests.bench.command import Bench
from tests.bench.studies.query.test_command import SETUP, SHORT

SHOP = """
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bench.workloads import Read, Workload

class Base(DeclarativeBase):
    pass

class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[int] = mapped_column("customer_id")
    details: Mapped[dict] = mapped_column(JSONB)

orders = Order.__table__
of_customer = Read(
    "of-customer",
    sql="SELECT * FROM orders WHERE customer_id = :customer ORDER BY id",
    core=select(orders).where(orders.c.customer_id == bindparam("customer")).order_by(orders.c.id),
    orm=select(Order).where(Order.customer == bindparam("customer")).order_by(Order.id),
    arguments="0..6",
)
order = Read(
    "order",
    orm=select(Order).where(Order.id == bindparam("id"), Order.id < 1_000_000),
    arguments=[(1,), (77,)],
)
shop = Workload("shop", {of_customer: 1, order: 3}, "orders of a customer, and an order")
alone = Workload("alone", {order: 1})
"""
NAMES = ("psycopg2", "asyncpg", "core+psycopg", "orm+asyncpg")


@pytest.fixture
def bench(database: Database, tmp_path: Path) -> Bench:
    """The program, and a database with the orders of a shop."""
    with database.connect() as connection:
        name = connection.execute("SELECT current_database()").fetchone()
        assert name is not None
        connection.execute(SETUP.format(name[0]))
    return Bench(tmp_path, database.url)


def run(bench: Bench, text: str, *options: str) -> "tuple[int, str, list[str]]":
    """Measure a workload file, and return the exit code, the output and the error's lines."""
    (bench.folder / "shop.py").write_text(text)
    out = f"--out={bench.out}"
    done = bench("run", "--workload-file=shop.py", "--concurrency=2", out, *SHORT, *options)
    return done.code, done.out + done.err, done.error


@pytest.mark.parametrize("names", [("core+psycopg", "orm+asyncpg"), NAMES], ids=["two", "all"])
def test_a_file_measures_the_users_own_classes_with_every_layer(
    bench: Bench, names: tuple[str, ...]
) -> None:
    """Forbid that the ORM's objects, or a renamed attribute, count as other values."""
    code, words, _ = run(bench, SHOP, *(f"--backend={name}" for name in names))
    assert code == 0, words
    assert "client:" in words
    found = results.load(bench.out)
    assert {case.workload for case in found.cases} == {"shop", "alone"}
    assert {case.backend for case in found.cases} == set(names)
    assert found.header.statements["shop"].reads == {"of-customer": 1, "order": 3}
    assert found.header.verified == dict.fromkeys(names, 7)
    assert not found.failures


def test_one_workload_is_chosen_by_its_name(bench: Bench) -> None:
    """Forbid that --workload has no effect on a file."""
    code, words, _ = run(bench, SHOP, "--workload=alone", "--backend=psycopg")
    assert code == 0, words
    assert {case.workload for case in results.load(bench.out).cases} == {"alone"}


def test_an_answer_of_the_orm_that_differs_is_named(bench: Bench) -> None:
    """Forbid that forms of one read that ask for different rows are compared by speed."""
    wrong = SHOP.replace(
        'Order.customer == bindparam("customer")', 'Order.id == bindparam("customer")'
    )
    code, words, _ = run(
        bench, wrong, "--workload=shop", "--backend=psycopg", "--backend=orm+psycopg"
    )
    assert code == 0, words
    assert "Not measured: orm+psycopg: of-customer: buffered: " in words


WRONG = {
    "no file": (None, "there is no file"),
    "syntax": ("a = (", "SyntaxError"),
    "import": ("import absent_module_of_mine", "shop.py, line 1: ModuleNotFoundError"),
    "exit": ("import sys\nsys.exit(3)", "shop.py, line 2: SystemExit: 3"),
    "nothing": ("x = 1", "shop.py declares no workload"),
    "loop at import": (
        "import asyncio\nasync def main():\n    raise ValueError('at import')\nasyncio.run(main())",
        "it calls asyncio.run() while it is imported",
    ),
    "no statement": (
        "from bench.workloads import Read\nr = Read('r')",
        "the read r has no statement",
    ),
    "bad sql": (
        "from bench.workloads import Read\nr = Read('r', sql='DELETE FROM orders')",
        "the read r: the statement begins with DELETE",
    ),
    "unknown table": (
        "from bench.workloads import Read\nr = Read('r', sql='SELECT * FROM orderz')",
        'the read r: the statement failed: relation "orderz" does not exist',
    ),
    "weight": (
        "from bench.workloads import Read, Workload\n"
        "w = Workload('w', {Read('r', sql='SELECT 1'): 0})",
        "with the weight 0",
    ),
    "two of one name": (
        "from bench.workloads import Read, Workload\n"
        "w = Workload('w', {Read('r', sql='SELECT 1'): 1, Read('r', sql='SELECT 2'): 1})",
        "two operations are named r",
    ),
    "arguments": (
        "from bench.workloads import Read\n"
        "r = Read('r', sql='SELECT :a::int, :b::int', arguments=[(1,)])",
        "arguments has the row (1,), and the statement has 2 parameters",
    ),
    "a taken name": (
        "from bench.workloads import Read\nr = Read('fetch_all', sql='SELECT 1')",
        "'fetch_all' has a meaning of its own",
    ),
}


@pytest.mark.parametrize(("text", "words"), WRONG.values(), ids=WRONG)
def test_a_file_that_cannot_be_measured_is_two_lines(
    text: str | None, words: str, bench: Bench
) -> None:
    """Forbid a traceback, and an error that does not name the place in the user's file."""
    if text is None:
        done = bench("run", "--workload-file=absent.py", *SHORT)
        code, lines = done.code, done.error
    else:
        code, _, lines = run(bench, text, "--backend=psycopg")
    assert code == 2
    assert len(lines) == 2
    assert words in lines[0]
    assert not bench.out.exists()


def test_what_a_file_prints_is_not_in_the_tables(bench: Bench) -> None:
    """Forbid that a user's print() ends up between the tables, or comes once a process."""
    (bench.folder / "shop.py").write_text(f"print('hello of mine')\n{SHOP}")
    done = bench("run", "--workload-file=shop.py", "--workload=alone", "--backend=psycopg", *SHORT)
    assert done.code == 0, done.err
    assert done.err.count("hello of mine") == 1
    assert "hello of mine" not in done.out


def test_an_option_that_a_file_does_not_take_is_refused(bench: Bench) -> None:
    """Forbid that --transport is ignored without a word."""
    code, _, lines = run(bench, SHOP, "--transport=tcp")
    assert code == 2
    assert lines[0] == "error: --transport is not for a workload file."
