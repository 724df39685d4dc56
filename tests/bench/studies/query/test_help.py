"""The examples of `bench query --help`, run as they are typed."""

import re
import shlex
from pathlib import Path

import pytest

from accessors.sql import SCHEMA
from bench.cli.query import query
from bench.results import file as results
from bench.server.database import Database
from bench.server.url import parse
from tests.bench.command import Bench

SHORTER = ("--rounds=1", "--seconds=0.02", "--backend=psycopg2", "--concurrency=1", "--no-charts")
EXAMPLES = re.findall(r"^ +bench query (.+)$", query.help or "", re.MULTILINE)


def test_help_has_examples() -> None:
    """Forbids that the examples below are none, because --help is written in another form."""
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_of_help_runs(line: str, own_shop: Database, tmp_path: Path) -> None:
    """Forbids an example that only looks right. It reads the same tables, in a test's database."""
    name = parse(own_shop.url)["dbname"]
    with own_shop.connect() as connection:
        connection.execute(f"ALTER DATABASE {name} SET search_path = {SCHEMA}")
    bench = Bench(tmp_path, own_shop.url)
    (tmp_path / "report.sql").write_text("SELECT count(*) FROM orders;\n")
    words = [own_shop.url if "://" in word else word for word in shlex.split(line)]
    done = bench("query", *words, *SHORTER, f"--out={bench.out}")
    assert done.code == 0, done
    assert "Where the time goes" in done.out
    assert results.load(bench.out).runs
