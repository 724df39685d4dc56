"""`bench doctor`: what it makes of numbers, and a look at a real machine and server."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.dataset import lock
from bench.model.errors import BenchError
from bench.server.database import OLDEST_SERVER, Database
from bench.server.embedded import EmbeddedServer
from bench.server.programs import MAJOR_VERSION
from bench.studies.doctor import clock, disk, machine, noise, proxy, server, server_version
from bench.studies.doctor.finding import Diagnosis, Level
from tests.bench.command import Bench, Done
from tests.bench.conftest import SMALL
from tests.databases import new_database

EXAMPLES: list[tuple[Diagnosis, Level]] = [
    (machine.cores(8, 8, None), "good"),
    (machine.cores(4, 16, 4.0), "good"),
    (machine.cores(2, 2, None), "warning"),
    (machine.cores(1, 64, None), "bad"),
    (machine.cores(8, 8, 1.5), "bad"),
    (machine.load(1.0, []), "good"),
    (machine.load(12.0, [("backup", 24.0)]), "warning"),
    (machine.load(60.0, []), "bad"),
    (machine.steal(0.0), "good"),
    (machine.steal(2.0), "warning"),
    (machine.steal(20.0), "bad"),
    (machine.frequency(None, None), "good"),
    (machine.frequency("performance", False), "good"),
    (machine.frequency("performance", True), "warning"),
    (machine.frequency("powersave", None), "warning"),
    (machine.memory(8_000_000_000, 0), "good"),
    (machine.memory(8_000_000_000, 2_000_000_000), "warning"),
    (machine.memory(300_000_000, 0), "bad"),
    (clock.clock_source("tsc", 50.0), "good"),
    (clock.clock_source("xen", 400.0), "warning"),
    (clock.clock_source("hpet", 1_500.0), "bad"),
    (clock.resolution(41), "good"),
    (clock.resolution(15_600), "warning"),
    (clock.resolution(15_600_000), "bad"),
    (clock.wake_up(60_000), "good"),
    (clock.wake_up(900_000), "warning"),
    (clock.interruptions([], 1.0), "good"),
    (clock.interruptions([30_000_000], 1.0), "warning"),
    (clock.interruptions([200_000_000], 1.0), "bad"),
    (disk.sync_time(400_000), "good"),
    (disk.sync_time(2_000), "warning"),
    (disk.sync_time(12_000_000), "warning"),
    (server.connections(97), "good"),
    (server.connections(20), "warning"),
    (server.company(0, 0), "good"),
    (server.company(0, 3), "good"),
    (server.company(1, 3), "warning"),
    (noise.noise(1.02), "good"),
    (noise.noise(1.1), "warning"),
    (noise.noise(1.5), "bad"),
]


@pytest.mark.parametrize(("finding", "level"), EXAMPLES, ids=lambda each: str(each)[:60])
def test_a_finding_is_as_bad_as_its_numbers(finding: Diagnosis, level: Level) -> None:
    assert finding.level == level
    assert bool(finding.consequence) == bool(finding.cure) == (level != "good")


def test_settings_that_matter_are_named_each(database: Database) -> None:
    with database.connect() as connection:
        rows = connection.execute("SELECT name, setting FROM pg_settings").fetchall()
        usual = {**dict(rows), "fsync": "on"}  # it is off for all tests
        assert [one.level for one in server.settings(usual)] == ["good"]
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET log_min_duration_statement = 0")
        connection.execute(f"ALTER DATABASE {name} SET log_statement = 'all'")
    with database.connect() as connection:
        found = {one.observed: one.level for one in server.findings(connection)}
    assert found["log_min_duration_statement = 0"] == "warning"
    assert found["log_statement = all"] == "bad"
    assert found["fsync = off"] == "bad"


def test_reserved_connections_are_not_counted(guarded: str) -> None:
    """Forbids a limit that ignores `reserved_connections`, which PostgreSQL 16 added."""
    with Database(guarded).connect() as connection:
        found = [each.observed for each in server.findings(connection)]
    assert "8 at most" in found


def test_an_older_server_lacks_what_is_newer() -> None:
    """Forbids silence about a setting that the server does not have."""
    found = [each.observed for each in server_version.of_version("15.20", 15)]
    assert found[0] == "PostgreSQL 15.20"
    assert [words.partition(":")[0] for words in found[1:]] == [
        "no reserved_connections, which came with 16",
        "no io_method, which came with 18",
    ]
    assert len(list(server_version.of_version("18.4", MAJOR_VERSION))) == 1


def test_every_setting_of_the_table_is_lacked_by_some_supported_server() -> None:
    """Forbids an entry that no server needs any more."""
    for name, setting in server_version.NEW_SETTINGS.items():
        assert OLDEST_SERVER < setting.since <= MAJOR_VERSION, name


def test_a_server_newer_than_those_tested_is_a_warning() -> None:
    (finding,) = server_version.of_version("19beta1", MAJOR_VERSION + 1)
    assert finding.level == "warning"
    assert f"{OLDEST_SERVER} to {MAJOR_VERSION}" in finding.consequence
    assert finding.cure


def test_who_else_asks_is_seen(database: Database) -> None:
    with database.connect() as one, database.connect():
        (company,) = (each for each in server.findings(one) if each.subject == "company")
        assert re.match(r"\d+ other clients?, \d+ active", company.observed)


def test_the_noise_floor_is_of_a_case_against_itself(
    shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noise, "ROUNDS", 6)
    monkeypatch.setattr(noise, "ROUND_S", 0.02)
    rounds: list[int] = []
    floor = noise.measure(shop, SMALL, rounds.append)
    assert rounds == [1, 2, 3, 4, 5, 6]
    (pair,) = floor.pairs
    assert pair.ratio.rounds == 6
    assert floor.factor >= 1
    assert noise.noise(floor.factor).subject == "noise floor"


def test_a_disk_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BenchError, match="cannot write to"):
        disk.finding(tmp_path / "file")


def test_the_ceiling_of_the_proxy_is_measured() -> None:
    """Defect: nobody knew from which rate on a run with --latency measures the proxy."""
    ceiling = proxy.measure(seconds=0.5)
    assert ceiling.round_trips_per_s > 0
    assert ceiling.bytes_per_s > 0
    assert "round trips/s over 16 connections" in proxy.finding(ceiling).observed


@pytest.mark.parametrize(
    ("ceiling", "level"),
    [
        (proxy.Ceiling(10_000, 500e6), "good"),
        (proxy.Ceiling(9_999, 500e6), "warning"),
        (proxy.Ceiling(10_000, 499e6), "warning"),
    ],
)
def test_a_low_ceiling_of_the_proxy_is_a_warning(ceiling: proxy.Ceiling, level: Level) -> None:
    finding = proxy.finding(ceiling)
    assert finding.level == level
    assert bool(finding.cure) is (level != "good")


@pytest.fixture(scope="module")
def look(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    """A look at the machine and the server of the tests: it takes two seconds."""
    with new_database(server) as database:
        yield Bench(tmp_path_factory.mktemp("look"), database.url)("doctor", "--no-noise")


def test_a_real_look(look: Done) -> None:
    subjects = [line[9:24].strip() for line in look.out.splitlines() if line[:1] != " "]
    expected = {"cores", "load", "memory", "clock", "resolution", "wake-up", "version", "settings"}
    assert expected <= set(subjects)
    assert look.code == ("bad " in look.out)
    assert max(map(len, look.out.splitlines())) <= 100
    assert "\x1b" not in look.out


def test_every_finding_that_is_not_good_says_what_to_do(look: Done) -> None:
    lines = look.out.splitlines()
    assert any(line.startswith("bad ") for line in lines)  # fsync is off for the tests
    for number, line in enumerate(lines):
        if line.startswith(("bad ", "warning ")):
            following = lines[number + 1 :]
            own = following[: next(at for at, each in enumerate(following) if each[:1] != " ")]
            assert any(each.strip().startswith("-> ") for each in own), line


def test_warnings_fail_when_asked(bench: Bench) -> None:
    """A database whose settings ask for a warning: the machine's own may have none."""
    with Database(bench.environment["DATABASE_URL"]).connect() as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET log_min_duration_statement = 0")
    strict = bench("doctor", "--no-noise", "--strict")
    assert strict.code == 1
    assert "warning  settings       log_min_duration_statement = 0" in strict.out


def test_a_run_that_goes_on_is_a_finding(bench: Bench) -> None:
    """Forbids an error in the place of what was found by then."""
    with lock.held(Database(bench.environment["DATABASE_URL"])):
        done = bench("doctor")
    assert done.code == 1
    assert "noise floor    not measured" in done.out
    assert "another bench command is using" in done.out
    assert done.err == ""


def test_a_server_that_cannot_be_reached_is_an_error(bench: Bench) -> None:
    done = bench("doctor", "--database-url", "postgresql://nobody@127.0.0.1:1/nothing")
    assert done.code == 1
    assert len(done.error) == 2
    assert "cores" in done.out
