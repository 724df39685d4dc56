"""The commands against every PostgreSQL from the oldest to the one before the embedded."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bench.dataset import loading as dataset
from bench.server.database import OLDEST_SERVER, Database
from bench.server.programs import MAJOR_VERSION
from bench.studies.doctor.server_version import NEW_SETTINGS
from tests.bench.command import BENCH
from tests.bench.conftest import SMALL
from tests.versions.installed_servers import VARIABLE, installed_servers, running_server

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module", params=range(OLDEST_SERVER, MAJOR_VERSION))
def older(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A server of an older version that is installed here, or skip."""
    programs = installed_servers().get(request.param)
    if programs is None:
        pytest.skip(
            f"PostgreSQL {request.param} is not installed here. `nox -s servers` brings it, or "
            f"set {VARIABLE} to the folder of its programs."
        )
    with running_server(programs) as url:
        yield Database(url)


def bench(line: str, database: Database, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [BENCH, *line.split()],
        cwd=folder,
        env=os.environ | {"GATHERBENCH_HOME": str(folder), "DATABASE_URL": database.url},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def major(database: Database) -> int:
    with database.connect() as connection:
        return connection.info.server_version // 10_000


@pytest.mark.parametrize(
    "line",
    [
        "verify --scale 0.01",
        "streaming --quick --rows 3000 --no-charts",
        "lesson session-per-task --trials 1",
    ],
)
def test_a_command_succeeds(older: Database, line: str, tmp_path: Path) -> None:
    done = bench(line, older, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_run_succeeds_and_names_the_server(older: Database, tmp_path: Path) -> None:
    done = bench("run --profile smoke --no-charts --out out", older, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    header, _, _ = (tmp_path / "out" / "run.jsonl").read_text().partition("\n")
    server = json.loads(header)["environment"]["server"]
    assert server["version"].startswith(f"{major(older)}.")
    assert server["transport"] == "tcp"


def test_doctor_names_what_the_server_lacks(older: Database, tmp_path: Path) -> None:
    done = bench("doctor --no-noise", older, tmp_path)
    assert f"version        PostgreSQL {major(older)}." in done.stdout, done.stderr
    for name, setting in NEW_SETTINGS.items():
        lacks = f"no {name}, which came with {setting.since}" in done.stdout
        assert lacks == (major(older) < setting.since)


def has_setting(connection: "psycopg.Connection", name: str) -> bool:
    row = connection.execute("SELECT count(*) FROM pg_settings WHERE name = %s", [name]).fetchone()
    return row == (1,)


def test_a_setting_came_with_the_version_that_doctor_names(older: Database) -> None:
    with older.connect() as connection:
        for name, setting in NEW_SETTINGS.items():
            assert has_setting(connection, name) == (major(older) >= setting.since), name


def test_the_embedded_server_has_every_setting(database: Database) -> None:
    with database.connect() as connection:
        assert all(has_setting(connection, name) for name in NEW_SETTINGS)


def test_rows_are_the_same_on_every_version(older: Database, database: Database) -> None:
    """Forbids rows that depend on the server: results of two versions could not be compared."""
    loaded = []
    for place in (older, database):
        with place.connect() as connection:
            loaded.append(dataset.ensure(connection, SMALL))
    assert loaded[0] == loaded[1]
