"""Workload files that cannot be measured, and what a file does to the process that imports it."""

import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from bench.model.errors import BenchError, UsageError
from bench.server.database import Database
from bench.server.url import changed
from bench.studies.query.own_database import own_database
from bench.studies.query.preparation import Asked
from bench.studies.query.subjects import subjects_of
from bench.studies.query.workload_file import workloads_in

IMPORT = "from bench.workloads import Read, Unit, Workload\n"
READ = "r = Read('r', sql='SELECT 1')\n"

WRONG = {
    "several lines": ("def f():\n    raise ValueError('a\\nb')\nf()", "line 3: ValueError: a."),
    "exit": ("raise SystemExit", "line 2: SystemExit."),
    "indent": ("  x = 1", "line 2: IndentationError: unexpected indent."),
    "no end": ("def f(): f()\nf()", "RecursionError: maximum recursion depth exceeded."),
    "a package": ("from .models import A", "attempted relative import with no known parent"),
    "a list": (f"{READ}w = Workload('w', [r])", "the workload w has the operations [Read("),
    "no name": ("r = Read('', sql='SELECT 1')", "'' is no name for a workload"),
    "a number": ("r = Read(5, sql='SELECT 1')", "the read 5: a name is a text"),
    "sql": ("r = Read('r', sql=5)", "the read r has sql=5"),
    "arguments": ("r = Read('r', sql='SELECT 1', arguments=5)", "the read r has arguments=5"),
    "empty": ("", "declares no workload"),
}


@pytest.mark.parametrize(("text", "words"), WRONG.values(), ids=WRONG)
def test_a_file_that_is_wrong_is_two_lines(text: str, words: str, tmp_path: Path) -> None:
    """Forbid a traceback of ours, and advice for an option that the command does not have."""
    file = tmp_path / "shop.py"
    file.write_text(IMPORT + text)
    with pytest.raises(UsageError) as raised:
        workloads_in(file)
    lines = str(raised.value).splitlines()
    assert len(lines) == 2
    assert words in lines[0]
    assert str(file) in str(raised.value)
    assert "--name" not in lines[1]


@pytest.mark.parametrize(
    ("name", "written", "words"),
    [
        ("folder.py", None, "cannot be read (Is a directory)"),
        ("text.txt", b"x = 1", "is no workload file: its name does not end in .py or .sql"),
        ("binary.py", b"\xff\xfe\0", "source code string cannot contain null bytes"),
        ("latin.py", b"x = '\xe9'\n", "line 1: SyntaxError: (unicode error)"),
        ("wide.sql", "SELECT 1".encode("utf-16"), "cannot be read (it is not UTF-8)"),
    ],
)
def test_what_is_no_workload_file(
    name: str, written: bytes | None, words: str, tmp_path: Path
) -> None:
    """Forbid "correct that line" for a folder."""
    file = tmp_path / name
    if written is None:
        file.mkdir()
    else:
        file.write_bytes(written)
    with pytest.raises(UsageError) as raised:
        workloads_in(file)
    lines = str(raised.value).splitlines()
    assert len(lines) == 2
    assert words in lines[0]


def test_a_file_that_changes_the_folder_and_starts_a_thread(tmp_path: Path) -> None:
    """Forbid that --out leads to another folder, and that a thread keeps the command for ever."""
    before = Path.cwd()
    (tmp_path / "shop.py").write_text(
        f"{IMPORT}{READ}import os, threading\nos.chdir('/')\nended = threading.Event()\n"
        "thread = threading.Thread(target=ended.wait)\nthread.start()\n"
    )
    (workload,) = workloads_in(tmp_path / "shop.py")
    assert workload.name == "r"
    assert Path.cwd() == before
    module = sys.modules["workload_file"]
    thread: threading.Thread = module.thread
    assert thread.daemon
    module.ended.set()
    thread.join()


REFUSED = {
    "SELECT nextval('s')": (
        "cannot execute nextval() in a read-only transaction.",
        "Give its workload a setup= or a restore=, so that each case finds the same rows.",
    ),
    "SELECT pg_advisory_lock(4)": (
        "whose effect is outside of its transaction: a read-only session does not prevent it.",
        "Give its workload a setup= or a restore=, so that each case finds the same rows.",
    ),
    "SELECT :id::int": (
        "the statement has 1 parameter (:id integer), but there are no arguments=.",
        "Give a query, a CSV file, a range or a value: arguments='SELECT id FROM customer',"
        " arguments=ids.csv, arguments=1..1000, arguments=42.",
    ),
    "SELECT pg_sleep(9)": (
        "it did not end within 0.1 s.",
        "Make the statement faster: a LIMIT, or an index.",
    ),
}


@pytest.mark.parametrize("sql", REFUSED)
def test_a_read_is_refused_in_words_of_a_file(sql: str, database: Database, tmp_path: Path) -> None:
    """Forbid that `bench run` tells the user to type an option of `bench query`."""
    file = tmp_path / "shop.py"
    file.write_text(f"{IMPORT}r = Read('r', sql={sql!r})\n")
    with database.connect() as connection:
        connection.execute("CREATE SEQUENCE s")
    asked = Asked("", database_url=database.url)
    if "pg_sleep" in sql:  # for the others, a machine that stalls would be over the time
        asked = replace(asked, statement_timeout_s=0.1)
    with pytest.raises(BenchError) as raised, subjects_of(asked, file, workloads_in(file)):
        pass
    what, advice = str(raised.value).splitlines()
    assert what.startswith(f"{file}, the read r: ")
    assert what.endswith(REFUSED[sql][0])
    assert advice == REFUSED[sql][1]


def test_a_setup_on_a_server_whose_sessions_are_read_only(
    database: Database, tmp_path: Path
) -> None:
    """Defect: a traceback (ReadOnlySqlTransaction) where default_transaction_read_only is on."""
    file = tmp_path / "shop.py"
    file.write_text(f"{IMPORT}{READ}w = Workload('w', {{r: 1}}, setup='SELECT 1')\n")
    (workload,) = (known for known in workloads_in(file) if known.name == "w")
    server = Database(changed(database.url, options="-c default_transaction_read_only=on"))
    with pytest.raises(UsageError) as raised, own_database(workload, server):
        pass
    what, advice = str(raised.value).splitlines()
    assert what.startswith("no database can be made for the workload")
    assert "options=-c%20default_transaction_read_only%3Doff" in advice
