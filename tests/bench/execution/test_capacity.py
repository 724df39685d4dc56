"""The connections that a run needs: what the server has to admit before anything is measured."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from accessors import discover
from bench.execution.capacity import most_connections
from bench.execution.measurement import measure
from bench.model.case import Case
from bench.model.dataset import Dataset
from bench.model.plan import Plan, plan
from bench.model.profiles import PROFILES, Factors
from bench.model.run_config import RunConfig
from bench.results.file import Recorder, load
from bench.server.resolution import resolve
from tests.bench.conftest import PASSWORD, SMALL
from tests.bench.execution.test_turns import Silent

POINT = "get_total_cost_of_an_order"


def config(*backends: str, concurrency: int) -> RunConfig:
    known = discover()
    chosen = {name: known[name] for name in backends}
    made = plan(PROFILES["smoke"], chosen, Factors(concurrency=(1, concurrency)))
    return RunConfig(made, chosen, Dataset(), "", verify=False)


def test_backends_in_memory_need_no_connection() -> None:
    """1,000 clients of the null backend were refused: the server had not as many connections."""
    asked = config("null", "null-async", concurrency=1000)
    assert most_connections(asked) == 0
    assert most_connections(replace(asked, verify=True)) == 2


def test_the_largest_case_that_asks_a_server_counts() -> None:
    """A plan of 512 clients was refused by the embedded server, which had 200 connections."""
    assert most_connections(config("null", "asyncpg", concurrency=512)) == 512


def measured(url: str, folder: Path, *, concurrency: int) -> None:
    """Measure psycopg2 and asyncpg with so many clients each, for two rounds."""
    cases = (
        Case("psycopg2", POINT, concurrency=concurrency, loop="none"),
        Case("asyncpg", POINT, concurrency=concurrency),
    )
    profile = replace(PROFILES["smoke"], rounds=2, seconds=0.01, warm_up_s=0.01)
    known = discover()
    backends = {case.backend: known[case.backend] for case in cases}
    config = RunConfig(Plan(profile, cases), backends, SMALL, verify=False)
    recorder = Recorder(folder)
    try:
        measure(config, resolve(url), recorder, Silent())
    finally:
        recorder.close()
    assert len(load(folder).runs) == 4


def test_clients_that_connect_anew_are_told_of(
    tcp: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Defect: a server with room for one backend's clients at a time had them connect before each
    turn, and no line said so, nor which setting keeps them open.
    """
    url = f"postgresql://postgres:{quote(PASSWORD, safe='')}@{tcp}/postgres"
    measured(url, tmp_path / "few", concurrency=2)
    assert caplog.text == ""  # 12 - 4 reserved - 1 for the lock - 3 spare: 4 stay open
    measured(url, tmp_path / "many", concurrency=3)
    (record,) = caplog.records
    assert record.getMessage() == (
        "clients connect anew for each turn: those of all compared cases take 6 connections, and 4"
        " are free for them. To keep them open, set max_connections = 14, or lower --concurrency."
    )
