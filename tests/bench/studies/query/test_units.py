"""Units of work in a workload file: where they run, what they may do, and what is refused."""

import os
import signal
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

import accessors
from accessors.sync.orm import OrmAccessor
from bench.measure.clients_sync import perform
from bench.model.case import Case
from bench.results import file as results
from bench.server.database import Database
from bench.studies.query.bound import bound, give_units
from tests.bench.cli.workload_files import MODELS
from tests.bench.command import Bench, ctrl_c, finish, wait_until
from tests.bench.studies.query.test_command import SHORT

AFTER_MODELS = MODELS.count("\n") + 1
UNITS = """
def write(session: Session, words: str) -> int:
    with session.begin():
        note = Note(words=words)
        session.add(note)
        session.flush()
        return note.id

async def write_async(session: AsyncSession, words: str) -> int:
    async with session.begin():
        note = Note(words=words)
        session.add(note)
        await session.flush()
        return note.id

def by_core(connection: Connection, words: str) -> int:
    with connection.begin():
        return connection.scalar(text(ADD))

async def by_core_async(connection: AsyncConnection, words: str) -> int:
    async with connection.begin():
        return await connection.scalar(text(ADD))

def by_psycopg2(connection: psycopg2.extensions.connection, words: str) -> int:
    with connection, connection.cursor() as cursor:
        cursor.execute(ADD)
        return cursor.fetchone()[0]

def by_psycopg(connection: psycopg.Connection[tuple[int]], words: str) -> int:
    with connection.transaction():
        return connection.execute(ADD).fetchone()[0]

async def by_psycopg_async(connection: psycopg.AsyncConnection, words: str) -> int:
    async with connection.transaction():
        return (await (await connection.execute(ADD)).fetchone())[0]

async def by_asyncpg(connection: asyncpg.Connection, words: str) -> int:
    async with connection.transaction():
        return await connection.fetchval(ADD)

add = Unit(
    "add", write, write_async, by_core, by_core_async,
    by_psycopg2, by_psycopg, by_psycopg_async, by_asyncpg,
    arguments=lambda random: (random.choice(["a", "b"]),),
)
"""
ALL = {
    *("psycopg2", "psycopg", "psycopg-async", "asyncpg"),
    *("core+psycopg2", "core+psycopg", "core+psycopg-async", "core+asyncpg"),
    *("orm+psycopg2", "orm+psycopg", "orm+psycopg-async", "orm+asyncpg"),
}


@pytest.fixture
def bench(database: Database, tmp_path: Path) -> Bench:
    """The program, and an empty database."""
    return Bench(tmp_path, database.url)


def run(bench: Bench, text: str, *options: str) -> "tuple[int, str, list[str]]":
    """Measure a workload file, and return the exit code, the output and the error's lines."""
    (bench.folder / "notes.py").write_text(MODELS + text)
    out = f"--out={bench.out}"
    one = () if any("concurrency" in option for option in options) else ("--concurrency=1",)
    done = bench("run", "--workload-file=notes.py", out, *one, *SHORT, *options)
    return done.code, done.out + done.err, done.error


def test_no_layer_of_ours_is_between_the_clock_and_the_function() -> None:
    """Forbid that a wrapper of ours is timed: the call is `functools.partial` of the function."""

    def unit(session: object) -> None: ...

    accessor = OrmAccessor(Session(), autocommit=False)
    backend = bound(accessors.load("orm+psycopg"), {}, {"unit": unit})
    give_units(accessor, {"unit": unit})
    call = perform(accessor, backend, Case("orm+psycopg", "w"), "unit")
    assert type(call) is partial
    assert (call.func, call.args, call.keywords) == (unit, (accessor.native,), {})


def made_databases(database: Database) -> list[str]:
    """Return the databases that a command made and has not dropped."""
    with database.connect() as connection:
        found = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'gatherbench\\_%'"
        ).fetchall()
    return [name for (name,) in found]


@pytest.mark.parametrize("backends", [("asyncpg", "orm+psycopg2"), ()], ids=["two", "all"])
def test_a_unit_runs_where_its_annotation_says_and_finds_the_same_rows(
    bench: Bench, database: Database, backends: tuple[str, ...]
) -> None:
    """Forbid that a function runs on another library, and that a case finds another's rows.

    Each function returns the next number of the sequence, so that one that finds the rows of
    another returns another number.
    """
    chosen = [f"--backend={name}" for name in backends]
    file = f"{UNITS}\nw = Workload('notes', {{add: 1}}, setup=setup)"
    code, words, _ = run(bench, file, *chosen)
    assert code == 0, words
    found = results.load(bench.out)
    assert {case.backend for case in found.cases} == (set(backends) or ALL)
    assert not found.failures
    facts = found.header.statements["notes"]
    assert (facts.units, facts.changes, facts.read_only) == (["add"], "renewed", False)
    assert "def by_psycopg2(connection: psycopg2.extensions.connection" in facts.sql
    assert str(bench.folder) not in facts.sql
    assert made_databases(database) == []


def test_a_restore_brings_the_rows_back_in_the_users_own_database(
    bench: Bench, database: Database
) -> None:
    """Forbid that a workload with a restore leaves rows behind, or that its think time is lost."""
    with database.connect() as connection:
        connection.execute("CREATE TABLE note (id serial PRIMARY KEY, words text NOT NULL)")
    code, words, _ = run(
        bench,
        f"""{UNITS}
def restore(connection):
    connection.execute("TRUNCATE note RESTART IDENTITY")

count = Read("count", sql="SELECT count(*) FROM note WHERE id < 0")
w = Workload("notes", {{add: 1, count: 2}}, restore=restore, think_s=0.005)
""",
        *("--backend=core+psycopg", "--backend=asyncpg", "--concurrency=2"),
    )
    assert code == 0, words
    assert "rows are restored after each turn" in " ".join(words.split())
    assert "waits 0.005 s after an operation" in " ".join(words.split())
    with database.connect() as connection:
        assert connection.execute("SELECT count(*) FROM note").fetchone() == (0,)
    for measured in results.load(bench.out).runs:
        # With 5 ms after each operation, each of two clients begins one more at most.
        assert 0 < len(measured.samples) <= 2 * (measured.window_ns / 5e6 + 1)


def test_functions_of_one_name_are_twins_and_the_applications_engine_is_kept(
    bench: Bench, database: Database
) -> None:
    """Forbid that create_engine's arguments, or an engine's events, are lost."""
    (bench.folder / "twins.py").write_text(
        "from sqlalchemy import text\n"
        "from sqlalchemy.ext.asyncio import AsyncConnection\n"
        "async def mood(connection: AsyncConnection):\n"
        "    async with connection.begin():\n"
        "        return (await connection.execute(text('SHOW my.mood'))).one()\n"
    )
    code, words, _ = run(
        bench,
        """
import json, twins
from sqlalchemy import create_engine, event
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

def heard(engine):
    @event.listens_for(engine, "connect")
    def set_mood(connection, record):
        cursor = connection.cursor()
        cursor.execute("SET my.mood = 'good'")
        cursor.close()

def engine(url, **options):
    made = create_engine(url, json_serializer=json.dumps, **options)
    heard(made)
    return made

def async_engine(url, **options):
    made = create_async_engine(url, **options)
    heard(made.sync_engine)
    return made

def mood(connection: Connection):
    with connection.begin():
        return connection.execute(text("SHOW my.mood")).one()

def options(session: Session):
    with session.begin():
        engine = session.get_bind()
        return [type(engine.pool).__name__, engine.get_execution_options()["mine"]]

w = Workload("mood", {mood: 1, twins.mood: 1}, engine=(engine, async_engine))
o = Workload("options", {options: 1},
    engine={"poolclass": NullPool, "pool_pre_ping": True, "execution_options": {"mine": 3}})
""",
    )
    assert code == 0, words
    found = results.load(bench.out)
    assert {case.backend for case in found.cases if case.workload == "mood"} == {
        name for name in ALL if name.startswith("core")
    }
    assert {case.backend for case in found.cases if case.workload == "options"} == {
        "orm+psycopg2",
        "orm+psycopg",
    }


ONE = "def f({}):\n    return 1\nw = Workload('w', {{f: 1}})"
REFUSED = {
    "no annotation": (ONE.format("session"), "f has no annotation of session"),
    "no parameter": (ONE.format(""), "f has no parameter"),
    "unknown annotation": (ONE.format("session: int"), "f takes a int, which no backend gives"),
    "absent annotation": (ONE.format("session: 'Absent'"), "the annotation Absent is not known"),
    "a def": (ONE.format("session: AsyncSession"), "f is a def, but takes an AsyncSession"),
    "an async def": (
        "async " + ONE.format("session: Session"),
        "f is an async def, but takes a Session",
    ),
    "two for the same": (
        "def f(s: Session): ...\ndef g(s: Session): ...\nu = Unit('u', f, g)",
        "take the same",
    ),
    "no function": ("u = Unit('u')", "the unit u has no function"),
    "arguments": (
        ONE.format("session: Session, customer: int"),
        "f does not take the arguments ()",
    ),
    "arguments that fail": (
        "def f(s: Session, n: int): ...\n"
        "u = Unit('u', f, arguments=lambda random: (random.absent(),))",
        "the arguments of u, failed (AttributeError",
    ),
    "think time": (
        "def f(s: Session): ...\nw = Workload('w', {f: 1}, think_s=-1)",
        "the workload w has think_s=-1",
    ),
    "an engine": (
        "from sqlalchemy import create_engine\n"
        "def f(s: Session): ...\n"
        "w = Workload('w', {f: 1}, engine=create_engine('postgresql+psycopg://'))",
        "the workload w has engine=Engine(postgresql+psycopg://)",
    ),
    "asyncio.run": (
        "import asyncio\nasync def main(): pass\nasyncio.run(main())",
        "it calls asyncio.run() while it is imported",
    ),
    "loop policy": (
        "import asyncio\nasyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())",
        "it changes the event loop policy",
    ),
    "a write": (
        "def f(s: Session):\n    with s.begin():\n        s.execute(text('CREATE TABLE t ()'))\n"
        "w = Workload('w', {f: 1})",
        f"f writes (line {AFTER_MODELS + 2}: ReadOnlySqlTransaction: cannot execute",
    ),
}
FAILED = {
    "left open": (
        "def f(s: Session):\n    return s.scalar(text('SELECT 1'))\nw = Workload('w', {f: 1})",
        "f leaves a transaction open on orm+psycopg2",
    ),
    "left open in some calls": (
        "def f(s: Session, n: int):\n    value = s.scalar(text('SELECT 1'))\n"
        "    if n != 50:\n        s.commit()\n    return value\n"
        "u = Unit('u', f, arguments='1..100')\nw = Workload('w', {u: 1})",
        "f leaves a transaction open on orm+psycopg2, in call ",
    ),
    "another value": (
        "def f(s: Connection):\n"
        "    with s.begin():\n        return {'total': [1, 2]}\n"
        "async def g(s: AsyncConnection):\n"
        "    async with s.begin():\n        return {'total': [1, 3]}\n"
        "w = Workload('w', {Unit('u', f, g): 1})",
        "u() returns 2 on core+psycopg2 and 3 on core+asyncpg, at .total[1].",
    ),
    "an error": (
        "def f(s: Session):\n    with s.begin():\n        raise ValueError('mine')\n"
        "w = Workload('w', {f: 1})",
        f"f failed on orm+psycopg2 (line {AFTER_MODELS + 2}: ValueError: mine)",
    ),
    "a setup that fails": (
        "def bad(c):\n    c.execute('SELECT absent')\n"
        "def f(s: Session): ...\nw = Workload('w', {f: 1}, setup=bad)",
        "the setup of the workload w failed (UndefinedColumn",
    ),
}


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED)
def test_wrong_use_is_two_lines(text: str, words: str, bench: Bench) -> None:
    """Forbid a traceback, and an error that does not name the place in the user's file."""
    code, _, lines = run(bench, text)
    assert code == 2
    assert len(lines) == 2
    assert words in lines[0]
    assert not bench.lines("run")


@pytest.mark.parametrize(("text", "words"), FAILED.values(), ids=FAILED)
def test_a_unit_that_cannot_be_compared_is_not_timed(
    text: str, words: str, bench: Bench, database: Database
) -> None:
    """Forbid that a unit is timed that fails, leaves locks behind, or returns another value.

    Defect: a transaction that only some calls leave open was not found.
    """
    code, _, lines = run(bench, text)
    assert code == 1
    assert len(lines) == 2
    assert words in lines[0]
    assert not bench.lines("run")
    assert made_databases(database) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "killed"])
def test_a_made_database_is_dropped(number: int, bench: Bench, database: Database) -> None:
    """Forbid that Ctrl-C leaves the database behind, or that what SIGKILL left stays for ever."""
    file = f"{MODELS}{UNITS}\nw = Workload('notes', {{add: 1}}, setup=setup)"
    (bench.folder / "notes.py").write_text(file)
    options = ("--concurrency=1", "--rounds=1000", "--seconds=0.05", "--no-charts", "--quiet")
    command = bench.start(
        "run", "--workload-file=notes.py", f"--out={bench.out}", *options, "--backend=psycopg"
    )
    wait_until(lambda: bench.lines("run"))
    # The template, and its copy, which is made anew after each turn.
    wait_until(lambda: len(made_databases(database)) == 2)
    if number == signal.SIGINT:
        ctrl_c(command)
        finish(command)
    else:
        os.killpg(command.pid, signal.SIGKILL)
        command.communicate()
        bench.out.rename(bench.folder / "killed")
        code, words, _ = run(
            bench, f"{UNITS}\nw = Workload('n', {{add: 1}}, setup=setup)", "--backend=psycopg"
        )
        assert code == 0, words
    assert made_databases(database) == []
