"""`make microbench`: a smoke round of its suite, and what its files are good for."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.server.database import Database
from tests.root import ROOT

TIMED = ("--benchmark-enable", "--benchmark-max-time=0.01", "--benchmark-min-rounds=2")


class Microbench:
    """The suite, on a database of the test's own."""

    def __init__(self, database: Database) -> None:
        self._environment = os.environ | {"DATABASE_URL": database.url}

    def __call__(self, *options: str) -> str:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "bench/studies/microbench",
            "--scale=0.01",
            *options,
        ]
        return self._output(command)

    def measure(self, file: Path, *options: str) -> dict[str, Any]:
        """Return the content of the JSON file."""
        self(*TIMED, f"--benchmark-json={file}", *options)
        found: dict[str, Any] = json.loads(file.read_text())
        return found

    def compare(self, *options: str, cwd: Path) -> str:
        program = Path(sys.executable).with_name("pytest-benchmark")
        return self._output([str(program), "compare", *options], cwd)

    def _output(self, command: list[str], cwd: Path = ROOT) -> str:
        done = subprocess.run(
            command, cwd=cwd, env=self._environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def microbench(database: Database) -> Microbench:
    return Microbench(database)


def test_a_round_of_every_function_and_fetch_in_both_modes(microbench: Microbench) -> None:
    """A driver, the ORM and the null backends run here; verification has the other backends."""
    chosen = ("psycopg2", "orm+asyncpg", "null", "null-async")
    kept = " or ".join(f"-{name}-{mode}" for name in chosen for mode in ("b", "s"))
    said = microbench("-q", "--benchmark-disable", "-k", f"({kept})")
    # Six functions, three of them streamed in two ways, with one client and with several.
    assert f"{len(chosen) * (6 + 3 * 2) * 2} passed" in said


def test_its_files_say_what_was_timed_and_where(microbench: Microbench, tmp_path: Path) -> None:
    many, few = "get_customers-asyncpg-streamed-16", "get_orders_of_customer-psycopg2-buffered-16"
    found = microbench.measure(tmp_path / "figures.json", "-k", f"{many} or {few}")
    assert found["machine_info"]["node"] == ""
    assert all("data" not in each["stats"] for each in found["benchmarks"])
    by_group = {each["group"]: each for each in found["benchmarks"]}
    assert set(by_group) == {"get_customers at 16", "get_orders_of_customer at 16"}
    streamed = by_group["get_customers at 16"]["extra_info"]
    assert streamed["case"]["fetch"] == "streamed"
    assert streamed["calls_a_round"] == 16
    assert streamed["rows_of_first_round"] == 16 * 100  # customers at this scale
    assert streamed["backend"]["versions"].keys() == {"asyncpg"}
    assert streamed["environment"]["server"]["version"]
    assert by_group["get_orders_of_customer at 16"]["extra_info"]["calls_a_round"] == 160


def test_a_run_is_compared_with_a_file_and_two_files_with_each_other(
    microbench: Microbench, tmp_path: Path
) -> None:
    chosen = "get_total_cost_of_an_order-null-buffered-1"
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    assert len(microbench.measure(before, "-k", f"{chosen}]")["benchmarks"]) == 1
    files = (f"--benchmark-compare={before}", f"--benchmark-json={after}")
    assert "(NOW)" in microbench(*TIMED, *files, "-k", f"{chosen}]")
    said = microbench.compare(before.name, after.name, cwd=tmp_path)
    assert "get_total_cost_of_an_order at 1" in said
    assert said.count(chosen) >= 2


def test_a_server_that_cannot_be_reached_is_one_error(tmp_path: Path) -> None:
    nowhere = Microbench(Database("postgresql://nobody@127.0.0.1:1/nothing"))
    with pytest.raises(AssertionError, match="error: cannot connect to") as failure:
        nowhere("--benchmark-disable", "-k", "asyncpg")
    assert "Traceback" not in str(failure.value)
