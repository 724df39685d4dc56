"""Counts of round trips are remembered while nothing changed, and for no other code or server."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from accessors import discover
from bench.dataset.fingerprint import fingerprint
from bench.execution.measurement import measure
from bench.execution.remembered_probes import RememberedProbes
from bench.model.case import Case
from bench.model.plan import Plan
from bench.model.profiles import PROFILES
from bench.model.run_config import RunConfig
from bench.model.study import probes
from bench.results.entries import Entry, Failure
from bench.results.file import Recorder, load
from bench.server.database import Database
from bench.studies.network.entries import RoundTrips
from bench.verification import remembered
from tests.bench.conftest import SMALL
from tests.bench.execution.test_turns import Silent

CASE = Case("psycopg2", "get_total_cost_of_an_order", loop="none")
COUNTED = RoundTrips(CASE, operations=3, round_trips=6, connections=0)
BACKENDS = {name: discover()[name] for name in ("psycopg2", "null")}


def memory(database: Database, path: Path, *, url: str = "") -> RememberedProbes:
    with database.connect() as connection:
        rows = fingerprint(connection)
        probe = probes()["round trips"]
        return RememberedProbes(probe, connection, rows, BACKENDS, url or database.url, path)


def test_a_count_is_remembered_until_something_changes(
    shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defect: a quick run counted round trips for seven seconds, also when nothing had changed."""
    path = tmp_path / "below" / "round_trips.json"
    other = replace(CASE, session_scope="operation")
    assert list(memory(shop, path).entries([CASE])) == []
    failed = Failure(other, 0, "no answer")
    outcomes: list[Entry] = [COUNTED, failed]
    memory(shop, path).keep(outcomes)
    assert list(memory(shop, path).entries([CASE, other])) == [replace(COUNTED, remembered=True)]

    with_tls = f"{shop.url}{'&' if '?' in shop.url else '?'}sslmode=require"
    assert list(memory(shop, path, url=with_tls).entries([CASE])) == []
    monkeypatch.setenv("PGSSLMODE", "require")
    assert list(memory(shop, path).entries([CASE])) == []
    monkeypatch.delenv("PGSSLMODE")
    monkeypatch.setattr(remembered, "code_hash", lambda *packages: "changed")
    assert list(memory(shop, path).entries([CASE])) == []


def test_a_users_workload_and_a_backend_without_a_server_are_not_remembered(
    shop: Database, tmp_path: Path
) -> None:
    """Forbid a count of code that may have changed in any of its files."""
    path = tmp_path / "round_trips.json"
    cases = [replace(CASE, workload="my_own"), replace(CASE, backend="null")]
    memory(shop, path).keep([replace(COUNTED, case=case) for case in cases])
    assert list(memory(shop, path).entries(cases)) == []


def test_no_secret_is_kept(shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbid that a password decides: its hash in a file could be guessed."""
    path = tmp_path / "round_trips.json"
    monkeypatch.setenv("PGPASSWORD", "first-secret")
    memory(shop, path, url="postgresql://me:first-secret@here/shop").keep([COUNTED])
    monkeypatch.setenv("PGPASSWORD", "another-secret")
    assert list(memory(shop, path, url="postgresql://me:another-secret@here/shop").entries([CASE]))
    assert "secret" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "change", [{"kind": "no such kind"}, {"operations": 0}, {"key": "another"}, {"case": None}]
)
def test_a_damaged_count_is_counted_again(
    shop: Database, tmp_path: Path, change: dict[str, object]
) -> None:
    """Defect: a file that was edited by hand would end every run."""
    path = tmp_path / "round_trips.json"
    memory(shop, path).keep([COUNTED])
    kept = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({key: line | change for key, line in kept.items()}))
    assert list(memory(shop, path).entries([CASE])) == []


def test_a_run_takes_the_counts_of_the_run_before(
    shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forbid a remembered count that differs, or a run that counts although it is remembered."""
    monkeypatch.setenv("GATHERBENCH_HOME", str(tmp_path))
    profile = replace(PROFILES["smoke"], rounds=1, seconds=0.02, warm_up_s=0.01)
    plan = Plan(profile, (CASE,), probes={"round trips": (CASE,)})
    config = RunConfig(plan, {CASE.backend: BACKENDS[CASE.backend]}, SMALL, verify=False)

    def counts(name: str, *, remember: bool = True) -> RoundTrips:
        recorder = Recorder(tmp_path / name)
        measure(replace(config, remember=remember), shop, recorder, Silent())
        recorder.close()
        results = load(tmp_path / name)
        (found,) = results.probed_as(RoundTrips)
        assert results.end is not None
        assert ("round trips" in results.end.seconds) is not found.remembered
        return found

    first = counts("first")
    assert counts("second") == replace(first, remembered=True)
    assert counts("third", remember=False) == first
