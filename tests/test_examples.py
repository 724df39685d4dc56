"""Every example runs, and shows what its text says."""

import os
import re
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import accessors
from accessors import sql, statements
from bench.dataset.loading import ensure
from bench.model.dataset import Dataset
from bench.results import file as results
from bench.server.database import Database
from bench.studies.query.forms import forms_of
from bench.studies.query.workload_file import workloads_in
from bench.workloads import Read
from tests.documents import blocks
from tests.root import ROOT

EXAMPLES = ROOT / "examples"


def environment(database: Database) -> dict[str, str]:
    return os.environ | {"DATABASE_URL": database.url, "ROWS": "3000"}


def test_a_stream_holds_fewer_rows_than_a_buffer(database: Database) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / "stream_rows.py"],
        env=environment(database),
        capture_output=True,
        text=True,
        check=True,
    )
    memory = {
        name: float(mb) for name, mb in re.findall(r"(\w+) +[\d.]+ ms +([\d.]+) MB", done.stdout)
    }
    assert set(memory) == {"buffered", "false_stream", "stream"}
    assert memory["stream"] < memory["false_stream"]
    with database.connect() as connection:
        assert connection.execute("select to_regclass('example_reading')").fetchone() == (None,)


def test_the_suite_benchmarks(database: Database, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    options = ["--benchmark-min-rounds=1", "--benchmark-max-time=0.01"]
    done = subprocess.run(
        [*command, *options, EXAMPLES / "benchmark_suite"],
        env=environment(database),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
    assert "test_count[16]" in done.stdout


def bench(database: Database, folder: Path, line: str, *more: str) -> str:
    """Return the output of a documented command, which must succeed, on the bookings."""
    words = shlex.split(line.replace("examples/", f"{EXAMPLES}/"))
    done = subprocess.run(
        [Path(sys.executable).with_name(words[0]), *words[1:], *more],
        env=environment(database) | {"GATHERBENCH_HOME": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_bookings_are_measured_by_every_line_of_the_gate(
    database: Database, tmp_path: Path
) -> None:
    """Forbid that docs/your-own-query.md shows a job for CI that fails."""
    gate, job = blocks(ROOT / "docs" / "your-own-query.md", "yaml")
    before, after, compare = re.findall(r"^- run: (bench .*)$", job, re.MULTILINE)
    short = ("--rounds=1", "--seconds=0.03", "--concurrency=1", "--no-charts", "--quiet")
    few = ("--backend=orm+psycopg", "--backend=orm+asyncpg")
    for line in (before, after):
        out = bench(database, tmp_path, line, *short, *few)
        assert "nights_of and book; its rows are restored" in " ".join(out.split())
    assert bench(database, tmp_path, compare, "--allow-blind", "--no-charts")
    (line,) = re.findall(r"^- run: (bench gate .*)$", gate, re.MULTILINE)
    (tmp_path / "before").rename(tmp_path / "reference")
    assert bench(database, tmp_path, line, "--allow-blind")


def test_the_bookings_have_both_workloads(database: Database, tmp_path: Path) -> None:
    """Forbid that a function of the example runs on fewer backends than the guide says."""
    line = "bench run --workload-file examples/bookings/workload.py --out out"
    bench(database, tmp_path, line, "--rounds=1", "--seconds=0.03", "--concurrency=1", "--quiet")
    found = results.load(tmp_path / "out")
    backends = {
        name: {case.backend for case in found.cases if case.workload == name}
        for name in ("reads", "day")
    }
    assert len(backends["reads"]) == 12
    assert backends["day"] == {name for name in backends["reads"] if name.startswith("orm+")}
    assert not found.failures


BUILT_IN_READS: dict[str, tuple[Any, Any]] = {
    "asyncpg": (sql.NUMBERED, sql.NUMBERED),
    "psycopg": (sql.PERCENT, sql.PERCENT),
    "core+psycopg": (statements.CORE, statements.CORE),
    "orm+psycopg": (statements.ORM, statements.ORM_STREAMED),
}
"""A backend of each kind -> its buffered and its streamed reads."""


def normal(read: Any) -> Any:
    """Return what two equal reads have in common: their text and parameters."""
    if isinstance(read, str):
        return " ".join(read.split())
    return str(read.statement), read.parameters, read.collections


def test_the_six_functions_are_declared_by_the_public_api(
    database: Database, tmp_path: Path
) -> None:
    """Forbid that the public API cannot declare what is built in: another statement or answer.

    The built-in expected answers come from the server, and so do those of a workload file. So
    equal statements with equal dicts are equal functions.
    """
    found = {
        part.name: part
        for workload in workloads_in(EXAMPLES / "marketplace.py")
        for part in workload.parts
    }
    declared = {
        "customers": "customers",
        "orders-of-customer": "orders_of_customer",
        "total-cost": "total_cost_of_an_order",
        "orders-between-dates": "orders_between_dates",
    }
    assert found.keys() == {*declared, "add-order", "insert-lines"}
    for name, field in declared.items():
        read = found[name]
        assert isinstance(read, Read)
        forms = forms_of(read)
        for name_of, (buffered, streamed) in BUILT_IN_READS.items():
            backend = accessors.load(name_of)
            assert normal(forms.native(backend)) == normal(getattr(buffered, field))
            assert normal(forms.streamed(backend)) == normal(getattr(streamed, field))
    with database.connect() as connection:
        ensure(connection, Dataset(0.5))
    line = "bench run --workload-file examples/marketplace.py --out out"
    short = ("--rounds=1", "--seconds=0.03", "--concurrency=1", "--quiet", "--no-charts")
    short += ("--fetch=buffered", "--fetch=batched:1000")
    chosen = [f"--workload={name}" for name in ("customer", "total", "month", "all-customers")]
    bench(database, tmp_path, line, *short, *chosen, "--backend=asyncpg", "--backend=orm+psycopg")
    result = results.load(tmp_path / "out")
    assert not result.failures
    assert {case.backend for case in result.cases} == {"asyncpg", "orm+psycopg"}


@pytest.fixture
def application(database: Database, tmp_path: Path) -> "tuple[subprocess.Popen[str], str]":
    """The FastAPI application on a real uvicorn, and its address."""
    pytest.importorskip("uvicorn")
    command = [sys.executable, "-m", "uvicorn", "--app-dir", EXAMPLES, "--port", "0"]
    server = subprocess.Popen(
        [*command, "one_session_per_request:app"],
        env=environment(database),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    try:
        address = next(
            found[0] for line in server.stderr if (found := re.search(r"http://[\d.:]+", line))
        )
        yield server, address
    finally:
        server.terminate()
        server.communicate()


def request(address: str, path: str, method: str = "GET") -> tuple[int, str]:
    asked = urllib.request.Request(f"{address}{path}", method=method)
    for _ in range(50):
        try:
            with urllib.request.urlopen(asked) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError("no answer")


def test_the_application_saves_and_its_guard_refuses(
    application: "tuple[subprocess.Popen[str], str]",
) -> None:
    """Forbids a commit after the answer: the next request did not see the order."""
    _, address = application
    assert request(address, "/orders/tea", "POST") == (200, "1")
    status, message = request(address, "/shared")
    assert status == 409
    assert "One session, two users" in message
    assert request(address, "/orders/milk", "POST") == (200, "2")
    assert request(address, "/orders") == (200, "2")
