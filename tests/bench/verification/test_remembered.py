"""Remembered verification: used while nothing changed, and never for other code, rows or server."""

from dataclasses import replace
from pathlib import Path

import pytest

from accessors import discover
from bench.dataset.fingerprint import fingerprint
from bench.model.fetch import Fetch
from bench.server.database import Database
from bench.verification import remembered
from bench.verification.remembered import RememberedResults

FETCHES = [Fetch(), Fetch("streamed")]


def test_a_result_is_remembered_until_something_changes(
    shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defect: verification took 14 s of every quick run, also when nothing had changed."""
    path = tmp_path / "below" / "verified.json"
    backends = {name: discover()[name] for name in ("psycopg2", "asyncpg", "null")}
    with shop.connect() as connection:
        rows = fingerprint(connection)
        memory = RememberedResults(connection, rows, backends, FETCHES, path)
        assert memory.checks() == {}
        memory.remember({"psycopg2": 12, "null": 5})

        again = RememberedResults(connection, rows, backends, FETCHES, path)
        assert again.checks() == {"psycopg2": 12}

        other_rows = replace(rows, content="another")
        assert RememberedResults(connection, other_rows, backends, FETCHES, path).checks() == {}
        assert RememberedResults(connection, rows, backends, [Fetch()], path).checks() == {}
        connection.execute("SET enable_seqscan = off")  # a session's own: no other server
        assert RememberedResults(connection, rows, backends, FETCHES, path).checks()
        monkeypatch.setattr(remembered, "code_hash", lambda *packages: "changed")
        assert RememberedResults(connection, rows, backends, FETCHES, path).checks() == {}


def test_another_module_is_never_remembered(shop: Database, tmp_path: Path) -> None:
    """Defect: a hash of one file would not see a change in the files that it imports."""
    path = tmp_path / "verified.json"
    backends = {"psycopg2": replace(discover()["psycopg2"], module="my.module")}
    with shop.connect() as connection:
        rows = fingerprint(connection)
        memory = RememberedResults(connection, rows, backends, FETCHES, path)
        memory.remember({"psycopg2": 12})
        assert RememberedResults(connection, rows, backends, FETCHES, path).checks() == {}


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"key": "many"}'])
def test_a_damaged_file_remembers_nothing(shop: Database, tmp_path: Path, text: str) -> None:
    """Defect: a file that was cut short would end every run."""
    path = tmp_path / "verified.json"
    path.write_text(text)
    backends = {"psycopg2": discover()["psycopg2"]}
    with shop.connect() as connection:
        rows = fingerprint(connection)
        assert RememberedResults(connection, rows, backends, FETCHES, path).checks() == {}
