"""`bench run --transport`: a Unix socket and TCP to the same server, as a factor."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.analysis.selection import select
from bench.model.case import Case
from bench.model.link import Link
from bench.results import file
from bench.server.transport import by_transport
from bench.server.url import parse
from bench.studies.network.transport import findings
from tests.bench import synthetic
from tests.bench.command import ONE_CASE, POINT, Bench
from tests.listening import Listening, listening

RULES = "host all all 127.0.0.1/32 scram-sha-256\n"
MILLISECOND = 1_000_000


@pytest.fixture(scope="module")
def both() -> Iterator[Listening]:
    """A server that listens at both."""
    with listening(RULES) as server:
        yield server


def test_a_run_by_both(both: Listening, tmp_path: Path) -> None:
    """Defect: the factor was in the key of a case, and all cases connected as the URL has it."""
    bench = Bench(tmp_path, both.url())
    done = bench(
        "run", *ONE_CASE, "--backend=asyncpg", "--backend=psycopg2", "--no-verify",
        "--transport=unix,tcp", f"--out={bench.out}",
    )  # fmt: skip
    assert done.code == 0, done
    assert "by TCP" in done.out
    assert "by a Unix socket" in done.out
    results = file.load(bench.out)
    assert {run.case.transport for run in results.runs} == {"unix", "tcp"}
    assert results.header.environment.server.transport == "unix socket and tcp"
    with (bench.out / "summary.csv").open(newline="") as table:
        assert {row["transport"] for row in csv.DictReader(table)} == {"unix", "tcp"}


def test_each_way_leads_to_the_same_server(both: Listening) -> None:
    from bench.server.database import Database

    with Database(both.url()).connect() as connection:
        unix = by_transport(both.url(sslmode="prefer"), "unix", connection, local=True)
        tcp = by_transport(both.admin, "tcp", connection, local=True)
        assert by_transport(both.url(), "tcp", connection, local=True) == both.url()
    assert parse(unix)["host"] == str(both.sockets)
    assert "sslmode" not in parse(unix)
    assert (parse(tcp)["host"], parse(tcp)["port"]) == ("127.0.0.1", str(both.port))


def test_the_embedded_server_has_no_tcp(bench: Bench) -> None:
    """Defect: the driver's own words for a refused connection, in every case."""
    done = bench.measure("--backend=asyncpg", "--no-verify", "--transport=unix,tcp")
    assert done.code == 1
    assert "does not listen at TCP" in done.error[0]
    assert len(done.error) == 2
    assert bench.lines("run") == []


def test_another_word_is_refused(bench: Bench) -> None:
    done = bench.measure("--backend=asyncpg", "--transport=pipe")
    assert done.code == 2
    assert "write unix, tcp or unix,tcp" in done.err


def test_a_case_is_known_by_its_transport() -> None:
    """Defect: cases of two transports had one key, and were read as one case."""
    case = Case("asyncpg", "mixed", transport="tcp")
    assert case.key == f"{replace(case, transport='').key}/tcp"
    assert Case.from_dict(case.as_dict()) == case
    assert "transport" not in replace(case, transport="").as_dict()


def test_a_network_between_excludes_it() -> None:
    from accessors import load

    case = Case("asyncpg", POINT, transport="unix", link=Link(MILLISECOND))
    assert "network between is TCP" in (case.impossible(load("asyncpg")) or "")


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (1.2, "TCP makes a point read through `asyncpg` with one task take 1.2x"),
        (1.0, "cannot be told apart"),
    ],
)
def test_the_finding_has_the_ratio(tmp_path: Path, factor: float, words: str) -> None:
    durations = {
        Case("asyncpg", POINT, transport=way): [
            round(MILLISECOND * (1 + (number % 3) / 200) * times) for number in range(8)
        ]
        for way, times in (("unix", 1.0), ("tcp", factor))
    }
    (found,) = findings(select(synthetic.of_durations(tmp_path, durations)))
    assert words in found.sentence
