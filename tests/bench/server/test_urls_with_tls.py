"""The TLS and authentication parameters of a URL: every driver keeps them, or is refused.

The server is Debian's, because the wheel's server is built without TLS.
"""

import asyncio
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest

import accessors
from bench.dataset import loading
from bench.measure.runner import Job
from bench.model.case import Case
from bench.model.errors import BenchError, UsageError
from bench.model.link import Link
from bench.results.file import load
from bench.server.database import Database
from bench.server.drivers import driver_url
from bench.server.proxy.address import address_of, through
from bench.server.proxy.process import Proxy
from bench.server.refusals import cannot_connect
from bench.server.resolution import resolve
from bench.studies.network.probe import count
from tests.bench.command import ONE_CASE, POINT, Bench
from tests.bench.conftest import SMALL
from tests.installed import INSTALLED
from tests.listening import DEBIAN, Listening, listening

pytestmark = pytest.mark.skipif(
    not (DEBIAN / "postgres").exists(), reason="needs Debian's postgresql-15, for a server with TLS"
)

RULES = "hostssl all all 127.0.0.1/32 scram-sha-256\nhostssl all all ::1/128 scram-sha-256\n"
EXTRAS = [name for name in ("pg8000", "core+pg8000", "psqlpy") if name in INSTALLED]
BACKENDS = (
    "psycopg2",
    "psycopg",
    "asyncpg",
    "core+psycopg2",
    "core+asyncpg",
    "orm+psycopg-async",
    *EXTRAS,
)
DRIVERS = ("psycopg2", "psycopg", "asyncpg")


@dataclass(frozen=True)
class Authority:
    """Make a certificate authority, and a server's certificate only for the name `localhost`."""

    root: Path
    certificate: Path
    key: Path


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("authority")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new_key = ("req", "-new", "-newkey", "rsa:2048", "-nodes", "-batch")
    # Since Python 3.13, certificates are checked strictly: this use has to be allowed.
    # https://docs.python.org/3/library/ssl.html#ssl.VERIFY_X509_STRICT
    openssl(*new_key, "-x509", "-days", "9", "-subj", "/CN=test root", "-keyout", "root.key",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", "root.crt")  # fmt: skip
    openssl(*new_key, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
    (folder / "names").write_text(
        "subjectAltName = DNS:localhost\nauthorityKeyIdentifier = keyid\n"
    )
    openssl("x509", "-req", "-in", "server.csr", "-CA", "root.crt", "-CAkey", "root.key",
            "-CAcreateserial", "-days", "9", "-extfile", "names", "-out", "server.crt")  # fmt: skip
    return Authority(folder / "root.crt", folder / "server.crt", folder / "server.key")


@pytest.fixture(scope="module")
def tls(authority: Authority) -> Iterator[Listening]:
    files = {
        "server.crt": authority.certificate.read_bytes(),
        "server.key": authority.key.read_bytes(),
    }
    with listening(RULES, {"ssl": "on"}, files, DEBIAN) as server:
        yield server


def verified(folder: Path, url: str, *backends: str) -> None:
    bench = Bench(folder, url)
    options = [f"--backend={name}" for name in backends]
    done = bench("verify", "--scale=0.01", *options)
    assert done.code == 0, done
    assert done.out.count("ok ") == len(backends)


@pytest.mark.parametrize("mode", ["prefer", "require", "verify-ca", "verify-full"])
def test_every_driver_by_tls(
    tls: Listening, authority: Authority, tmp_path: Path, mode: str
) -> None:
    rooted = {"sslrootcert": str(authority.root)} if mode.startswith("verify") else {}
    verified(tmp_path, tls.url(host="localhost", sslmode=mode, **rooted), *BACKENDS)


def test_a_run_by_tls(tls: Listening, authority: Authority, tmp_path: Path) -> None:
    """Forbids a probe or a proxy of a run that connects without the URL's TLS."""
    url = tls.url(host="localhost", sslmode="verify-full", sslrootcert=str(authority.root))
    bench = Bench(tmp_path, url)
    backends = [f"--backend={name}" for name in BACKENDS]
    done = bench("run", *ONE_CASE, "--workload=get_customers", *backends, f"--out={bench.out}")
    assert done.code == 0, done
    counted = {line["case"]["backend"] for line in bench.lines("round_trips")}
    assert {"asyncpg", "core+asyncpg", "psycopg", "psycopg2"} <= counted
    assert "over asyncpg" not in done.err
    assert "over psycopg" not in done.err


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_tls_passes_through_the_proxy(tls: Listening, authority: Authority, driver: str) -> None:
    """Defect: only connections without TLS went through the proxy in tests."""
    host = "127.0.0.1" if driver == "asyncpg" else "localhost"
    mode = "require" if driver == "asyncpg" else "verify-full"
    url = tls.url(host=host, sslmode=mode, sslrootcert=str(authority.root))
    asked = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    with Proxy() as proxy:
        port = proxy.open(address_of(url), Link(1_000_000))
        through_proxy = driver_url(through(url, port, driver=driver), driver)
        if driver == "psycopg":
            with psycopg.connect(through_proxy) as connection:
                assert connection.execute(asked).fetchone() == (True,)
        else:
            assert asyncio.run(_fetch_value(through_proxy, asked)) is True
        assert proxy.close(port).connections >= 1


async def _fetch_value(url: str, statement: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def test_asyncpg_checks_the_name_also_when_its_round_trips_are_counted(
    tls: Listening, authority: Authority
) -> None:
    """Defect: nothing was counted over asyncpg with verify-full."""
    rooted = {"sslmode": "verify-full", "sslrootcert": str(authority.root)}
    with Database(tls.url(host="localhost", **rooted)).connect() as connection:
        loading.ensure(connection, SMALL)
    case = Case("asyncpg", POINT)

    def job(host: str) -> Job:
        url = driver_url(tls.url(host=host, **rooted), "asyncpg")
        return Job(case, accessors.BUILTIN["asyncpg"], url, SMALL)

    assert count(job("localhost")).per_operation == 1
    # The certificate is for `localhost` alone.
    with pytest.raises(ssl.SSLError, match="IP address mismatch"):
        count(job("127.0.0.1"))


def test_a_latency_by_tls(tls: Listening, authority: Authority, tmp_path: Path) -> None:
    """Defect: --latency with sslmode=verify-full was refused for asyncpg, which checks the name."""
    url = tls.url(host="localhost", sslmode="verify-full", sslrootcert=str(authority.root))
    bench = Bench(tmp_path, url)
    backends = [f"--backend={name}" for name in ("asyncpg", "core+asyncpg", "psycopg")]
    done = bench("run", *ONE_CASE, *backends, "--latency=0,2ms", f"--out={bench.out}")
    assert done.code == 0, done
    slow = [run for run in load(bench.out).runs if not run.case.link.is_direct]
    assert {run.case.backend for run in slow} == {"asyncpg", "core+asyncpg", "psycopg"}
    for run in slow:
        assert min(min(piece.duration_ns) for piece in run.samples.pieces()) > 2_000_000


def test_uvloop_cannot_be_led_to_the_proxy() -> None:
    """Forbids an error about a certificate where uvloop looks the server's name up by itself."""
    url = "postgresql://u@db.example/d?sslmode=verify-full"
    assert "@db.example:7/" in through(url, 7, driver="asyncpg")
    with pytest.raises(BenchError, match="asyncpg on uvloop"):
        through(url, 7, driver="asyncpg", loop="uvloop")


def test_psqlpy_checks_the_name_also_with_verify_ca() -> None:
    """Defect: its round trips were counted through the proxy, and failed by its certificate."""
    url = "postgresql://u@db.example/d?sslmode=verify-ca"
    assert "@127.0.0.1:7/" in through(url, 7, driver="asyncpg")
    with pytest.raises(BenchError, match=r"verify-ca checks .*\n.* sslmode=require"):
        through(url, 7, driver="psqlpy")


def test_a_pooler_that_asks_for_tls() -> None:
    """Defect: its refusal was followed by the advice to check that the server runs."""
    failed = psycopg.OperationalError('connection to server at "h" failed: FATAL:  SSL required')
    error = cannot_connect(failed, "postgresql://u:s3cr@h/d", "postgresql://u@h/d")
    assert str(error).splitlines() == [
        "a pooler asks for TLS at postgresql://u@h/d (FATAL:  SSL required).",
        "Add sslmode=require to the URL.",
    ]


def test_tls_as_a_factor(tls: Listening, tmp_path: Path) -> None:
    """Forbids that a parameter of libpq in --connect does not replace that of the URL."""
    bench = Bench(tmp_path, tls.url(host="localhost", sslmode="require"))
    done = bench(
        "run", *ONE_CASE, "--backend=psycopg", "--backend=psycopg2",
        "--connect=psycopg2.sslmode=disable",
    )  # fmt: skip
    assert done.code == 1, done
    assert "no encryption" in done.err


def test_channel_binding_by_the_drivers_that_know_it(tls: Listening, tmp_path: Path) -> None:
    url = tls.url(host="localhost", sslmode="require", channel_binding="require")
    verified(tmp_path, url, "psycopg2", "psycopg", "orm+psycopg")


LACKING: list[tuple[dict[str, str], str]] = [
    ({"channel_binding": "require"}, "channel_binding=require"),
    ({"require_auth": "scram-sha-256"}, "require_auth=scram-sha-256"),
    ({"gssencmode": "require"}, "gssencmode=require"),
    ({"sslcertmode": "disable"}, "sslcertmode=disable"),
    ({"sslcrldir": "/nowhere"}, "sslcrldir=/nowhere"),
    ({"sslmode": "verify-full", "sslrootcert": "system"}, "sslrootcert=system"),
    (
        {"host": "localhost", "hostaddr": "127.0.0.1", "sslmode": "verify-full"},
        "hostaddr together with sslmode=verify-full",
    ),
]
COMMANDS = (
    ("verify", "--backend=asyncpg"),
    ("run", "--profile=smoke"),
    ("streaming", "--quick"),
    ("lesson", "one-engine"),
)


@pytest.mark.parametrize(
    ("command", "lacking"),
    [(COMMANDS[0], lacking) for lacking in LACKING] + [(each, LACKING[0]) for each in COMMANDS[1:]],
)
def test_what_asyncpg_lacks_for_protection_is_refused(
    tls: Listening, tmp_path: Path, command: tuple[str, ...], lacking: tuple[dict[str, str], str]
) -> None:
    """Forbids a connection with less protection than the URL requires, without a message.

    Each parameter with one command, and each command with one parameter: all resolve the URL alike.
    """
    parameters, words = lacking
    done = Bench(tmp_path, tls.url(**parameters))(*command)
    assert done.code == 2, done
    assert done.error[0] == f"error: asyncpg cannot honour {words} of the database URL."
    assert len(done.error) == 2
    assert "s3cr" not in done.err


def test_an_environment_variable_protects_as_the_url_does(
    tls: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forbids that asyncpg connects without PGCHANNELBINDING, which it does not read."""
    monkeypatch.setenv("PGCHANNELBINDING", "require")
    with pytest.raises(UsageError, match="asyncpg cannot honour channel_binding=require"):
        resolve(tls.url(host="localhost"), ["asyncpg"])
    assert resolve(tls.url(host="localhost"), ["psycopg2", "psycopg"])


def test_the_system_s_certificates_are_in_libpq_s_hands(tls: Listening) -> None:
    url = tls.url(host="localhost", sslmode="verify-full", sslrootcert="system")
    with pytest.raises(BenchError, match=r"^the certificate does not come from a known authority"):
        resolve(url, ["psycopg"])


def failure(url: str) -> str:
    """Return the two lines of the error for `url`."""
    with pytest.raises(BenchError) as caught:
        resolve(url, DRIVERS)
    said = str(caught.value)
    assert len(said.splitlines()) == 2, said
    assert "s3cr" not in said
    return said


def test_no_root_certificate(
    tls: Listening, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forbids "no such database or user" for a file that does not exist."""
    monkeypatch.setenv("HOME", str(tmp_path))
    said = failure(tls.url(host="localhost", sslmode="verify-full", sslrootcert="/nowhere.crt"))
    assert said.startswith("there is no root certificate to check the server with, for")
    assert "Add sslrootcert=/path/to/root.crt to the URL" in said


def test_a_certificate_for_another_name(tls: Listening, authority: Authority) -> None:
    url = tls.url(host="127.0.0.1", sslmode="verify-full", sslrootcert=str(authority.root))
    assert failure(url).startswith("the certificate is not for this host, at")


def test_a_certificate_of_an_unknown_authority(tls: Listening, authority: Authority) -> None:
    signed_nobody = str(authority.certificate)
    url = tls.url(host="localhost", sslmode="verify-ca", sslrootcert=signed_nobody)
    assert failure(url).startswith("the certificate does not come from a known authority, at")


def test_a_server_that_insists_on_tls(tls: Listening) -> None:
    said = failure(tls.url(sslmode="disable"))
    assert said.startswith("this user may not connect to")
    assert "no encryption" in said


def test_a_driver_s_own_failure_is_not_weaker_than_libpq_s(
    tls: Listening, authority: Authority, tmp_path: Path
) -> None:
    """Forbids that asyncpg accepts a certificate for another name by its defaults."""
    url = tls.url(host="127.0.0.1", sslmode="verify-full", sslrootcert=str(authority.root))
    script = tmp_path / "connect.py"
    script.write_text("import asyncio, sys, asyncpg; asyncio.run(asyncpg.connect(sys.argv[1]))")
    done = subprocess.run(
        [sys.executable, script, driver_url(url, "asyncpg")], capture_output=True, text=True
    )
    assert "CERTIFICATE_VERIFY_FAILED" in done.stderr, done.stderr


QUERY = ("--concurrency=1", "--rounds=1", "--seconds=0.02", "--no-charts", "--quiet")


def test_a_statement_of_your_own_by_tls(
    tls: Listening, authority: Authority, tmp_path: Path
) -> None:
    """Forbids that a probe of `bench query` connects without the URL's TLS."""
    url = tls.url(
        host="localhost",
        sslmode="verify-full",
        sslrootcert=str(authority.root),
        channel_binding="require",
    )
    sql = "SELECT n FROM generate_series(1, 3) AS n ORDER BY n"
    two = ("--backend=psycopg2", "--backend=psycopg-async")
    bench = Bench(tmp_path, url)
    done = bench("query", sql, *two, *QUERY, f"--out={bench.out}")
    assert done.code == 0, done
    assert {run.case.backend for run in load(bench.out).runs} == {"psycopg2", "psycopg-async"}
    refused = bench("query", sql, "--backend=asyncpg", *QUERY)
    assert (refused.code, len(refused.error)) == (2, 2), refused
    assert "asyncpg cannot honour channel_binding=require" in refused.error[0]
