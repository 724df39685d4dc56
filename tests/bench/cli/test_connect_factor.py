"""`bench run --connect`: a factor from the command line to the table, the card and the file."""

import json
from pathlib import Path

import pytest

from tests.bench.command import ONE_CASE, Bench

CACHE = "asyncpg.statement_cache_size"


def test_both_values_are_measured_in_one_run(bench: Bench) -> None:
    done = bench(
        "run", *ONE_CASE, "--backend=asyncpg", "--backend=psycopg2",
        f"--connect={CACHE}=default", f"--connect={CACHE}=0", f"--out={bench.out}",
    )  # fmt: skip
    assert done.code == 0, done
    said = f"--connect {CACHE} does not apply to psycopg2: it keeps its defaults"
    assert done.err.count(said) == 1
    assert "statement_cache_size=0" in done.out
    assert "default" in done.out
    lines = [json.loads(line) for line in (bench.out / "run.jsonl").read_text().splitlines()]
    header = lines[0]
    assert header["connect"] == [f"{CACHE}=default", f"{CACHE}=0"]
    assert header["backends"]["asyncpg"]["card"]["connect"] == f"none or {CACHE}=0"
    assert "connect" not in header["backends"]["psycopg2"]["card"]
    measured = {line["case"].get("connect", "") for line in lines if line["kind"] == "run"}
    assert measured == {"", f"{CACHE}=0"}
    assert f"{CACHE}=0" in (bench.out / "report.html").read_text()


def test_tables_without_the_factor_have_no_column(bench: Bench) -> None:
    done = bench("run", *ONE_CASE, "--backend=asyncpg", f"--connect={CACHE}=0")
    assert done.code == 0, done
    heading = next(line for line in done.out.splitlines() if line.startswith("backend"))
    assert "connect" not in heading


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("asyncpg.statement_cach_size=0", "did you mean 'statement_cache_size'?"),
        ("engine.pool_size=3", "Use --concurrency instead."),
        ("psycopg.prepare_threshold=none", "no chosen backend takes psycopg.prepare_threshold"),
    ],
)
def test_a_wrong_setting(bench: Bench, setting: str, words: str) -> None:
    done = bench("run", "--backend=asyncpg", f"--connect={setting}")
    assert done.code == 2, done
    assert len(done.error) == 2
    assert words in done.err


THEIRS = """
from accessors.aio.asyncpg import Asyncpg

class Theirs(Asyncpg):
    name = "theirs"
    connect_options = ()

BACKENDS = [Theirs()]
"""


def test_a_backend_of_your_own_that_knows_no_options(bench: Bench, tmp_path: Path) -> None:
    """Forbids that such a backend is broken, or keeps its defaults in silence."""
    (tmp_path / "theirs.py").write_text(THEIRS)
    done = bench(
        "run", *ONE_CASE, "--backend-module=theirs", "--backend=theirs", "--backend=asyncpg",
        f"--connect={CACHE}=0",
    )  # fmt: skip
    assert done.code == 0, done
    assert done.err.count("theirs passes no --connect option of asyncpg on") == 1
