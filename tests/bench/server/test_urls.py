"""Database URLs: reading and building agree, and each driver gets the right URL."""

import asyncio
import logging
from pathlib import Path

import psycopg2.extensions
import pytest
from asyncpg.connect_utils import _parse_connect_dsn_and_args
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

import accessors
from accessors.api import AsyncBackend, Target
from bench.model.errors import UsageError
from bench.server.database import Database
from bench.server.drivers import check_drivers, driver_url
from bench.server.embedded import EmbeddedServer
from bench.server.resolution import named
from bench.server.url import build, changed, masked, parse, redact

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
HOST = st.sampled_from(["h", "db.example.org", "::1", "fe80::1%eth0", "127.0.0.1", "münchen"])
PORT = st.integers(1, 65535).map(str)


def of_asyncpg(url: str) -> tuple[list[tuple[str, int] | str], str, str, str]:
    """Return addresses, user, password and database, as asyncpg reads them."""
    names = ("host", "port", "user", "password", "passfile", "database", "ssl", "service",
             "servicefile", "direct_tls", "server_settings", "target_session_attrs",
             "krbsrvname", "gsslib")  # fmt: skip
    addresses, found = _parse_connect_dsn_and_args(dsn=url, **dict.fromkeys(names))
    return addresses, found.user, found.password, found.database


@given(user=TEXT, password=TEXT, dbname=TEXT, hosts=st.lists(HOST, min_size=1), data=st.data())
def test_every_driver_reads_what_was_built(
    user: str, password: str, dbname: str, hosts: list[str], data: st.DataObject
) -> None:
    """Forbids a character that a driver reads as syntax."""
    ports = data.draw(st.lists(PORT, min_size=len(hosts), max_size=len(hosts)))
    known = {"user": user, "password": password, "dbname": dbname, "host": ",".join(hosts),
             "port": ",".join(ports)}  # fmt: skip
    url = build(known)
    assert parse(url) == known
    assert psycopg2.extensions.parse_dsn(driver_url(url, "psycopg2")) == known
    addresses = list(zip(hosts, map(int, ports), strict=True))
    assert of_asyncpg(driver_url(url, "asyncpg")) == (addresses, user, password, dbname)


@given(user=TEXT, folder=TEXT.filter(lambda text: "," not in text), dbname=TEXT, password=TEXT)
def test_every_driver_finds_the_socket(user: str, folder: str, dbname: str, password: str) -> None:
    """Forbids a socket's folder that a driver reads as a host, or as two."""
    known = {"user": user, "dbname": dbname, "host": f"/{folder}", "port": "77"}
    known["password"] = password
    url = build(known)
    assert parse(url) == known
    assert psycopg2.extensions.parse_dsn(driver_url(url, "psycopg2")) == known
    (address,), *rest = of_asyncpg(driver_url(url, "asyncpg"))
    assert address.endswith(".s.PGSQL.77") or ".s.PGSQL." in folder
    assert rest == [user, password, dbname]


@given(st.dictionaries(st.sampled_from(["user", "password", "dbname", "options"]), TEXT))
def test_a_string_of_keys_and_values_means_the_same(parameters: dict[str, str]) -> None:
    """Forbids a reading that differs from libpq's."""
    if not parameters:
        return
    assert parse(make_conninfo("", **parameters)) == parameters


@given(password=TEXT)
def test_a_secret_is_never_shown(password: str) -> None:
    shown = "postgresql://u:***@h/d"
    known = {"user": "u", "host": "h", "dbname": "d", "password": password}
    assert masked(build(known)) == masked(make_conninfo("", **known)) == shown
    if len(password) > 5:
        assert password not in redact(f"{password} {build(known)}", build(known))


@pytest.mark.parametrize(
    ("text", "built"),
    [
        ("postgres://u@h", "postgresql://u@h/"),
        ("postgresql+asyncpg://u@h/d", "postgresql://u@h/d"),
        ("postgresql+psycopg://u@h:1/d?sslmode=require", "postgresql://u@h:1/d?sslmode=require"),
        ("postgresql://?host=/tmp&port=77&user=u", "postgresql://u@/?host=/tmp&port=77"),
        ("postgresql:///d?host=h&port=1", "postgresql://h:1/d"),
        ("postgresql://[::1]/d", "postgresql://[::1]/d"),
        ("postgresql://a:1,[::1]:2/d", "postgresql://a:1,%3A%3A1:2/d"),
        ("postgresql://[fe80::1%25eth0]:5/d", "postgresql://[fe80::1%25eth0]:5/d"),
        ("host=a,b port=1 dbname=d", "postgresql://a:1,b:1/d"),
        ("host=/s,h port=1,2 dbname=d", "postgresql://%2Fs:1,h:2/d"),
        ("dbname='my \\'db'", "postgresql:///my%20%27db"),
        (" host=h dbname='a b' ", "postgresql://h/a%20b"),
        ("service=shop", "postgresql:///?service=shop"),
    ],
)
def test_forms(text: str, built: str) -> None:
    assert build(parse(text)) == built


def test_a_url_is_changed_as_a_whole() -> None:
    """Forbids `&application_name=` behind a URL without a question mark."""
    url = changed("postgresql://u@h/d", application_name="gatherbench proof")
    assert url == "postgresql://u@h/d?application_name=gatherbench%20proof"
    assert parse(url)["dbname"] == "d"


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "services"
    file.write_text(
        "[shop]\nhost=h\nport=77\ndbname=d\nuser=u\nsslmode=verify-ca\nconnect_timeout=3\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    return file


def test_a_service_is_read_once(service: Path) -> None:
    """Forbids that drivers read the service file by different rules, or not at all."""
    expected = {"host": "h", "port": "77", "dbname": "d", "user": "u", "sslmode": "verify-ca",
                "connect_timeout": "3"}  # fmt: skip
    for url in ("service=shop", "postgresql:///?service=shop"):
        assert parse(named(url).url) == expected
    assert parse(named("postgresql:///other?service=shop").url)["dbname"] == "other"


def test_a_service_that_is_not_there(service: Path) -> None:
    with pytest.raises(UsageError, match=r'definition of service "nothing" not found.\nCheck PGS'):
        named("service=nothing")


def test_the_environment_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbids that drivers read different variables, or a password file by different rules."""
    passwords = tmp_path / "passwords"
    passwords.write_text(f"{tmp_path}:77:*:u:by\\:file\n*:*:*:*:other\n")
    passwords.chmod(0o600)
    environment = {
        "PGHOST": str(tmp_path),
        "PGPORT": "77",
        "PGUSER": "u",
        "PGDATABASE": "d",
        "PGPASSFILE": str(passwords),
        "PGREQUIREAUTH": "scram-sha-256",
        "PGOPTIONS": "-c work_mem=5MB",
        "PGTZ": "Asia/Kathmandu",
        "PGDATESTYLE": "SQL, DMY",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert parse(named("postgresql://").url) == {
        "host": str(tmp_path),
        "port": "77",
        "user": "u",
        "dbname": "d",
        "password": "by:file",
        "require_auth": "scram-sha-256",
        "options": "-c DateStyle=SQL,\\ DMY -c TimeZone=Asia/Kathmandu -c work_mem=5MB",
    }


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("postgresql://u@a:1,b/d", "a,b", "1,5432"),
        ("postgresql://u@a,b:5/d", "a,b", "5432,5"),
        ("postgresql://u@/d?host=a,[::1]&port=5", "a,[::1]", "5,5"),
        ("postgresql://u@h/d", "h", "77"),
        ("postgresql://u@,b:5/d?hostaddr=::1,::2", ",b", "5432,5"),
    ],
)
def test_the_ports_of_several_hosts_are_libpqs(
    url: str, host: str, port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forbids that asyncpg takes a port from PGPORT where libpq takes its default."""
    monkeypatch.setenv("PGPORT", "77")
    found = parse(named(url).url)
    assert (found["host"], found["port"]) == (host, port)


def test_an_empty_one_of_several_hosts_is_libpqs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbids asyncpg's "string index out of range"."""
    monkeypatch.setenv("PGHOST", "elsewhere")
    url = named("postgresql://u@,b:5/d").url
    folder, other = parse(url)["host"].split(",")
    assert folder.startswith("/")
    assert other == "b"
    (_, second), *_ = of_asyncpg(driver_url(url, "asyncpg"))
    assert second == ("b", 5)


def test_a_placeholder_is_no_password() -> None:
    """Defect: a printed command, pasted with `***`, failed with the server's own error."""
    with pytest.raises(UsageError, match=r"\*\*\* in place of a password.*\nWrite the password"):
        named("postgresql://u:***@nowhere.invalid/d")


def test_the_url_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbids PGSSLMODE if the URL names libpq's default."""
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    assert parse(named("postgresql://u@h/d?sslmode=prefer").url)["sslmode"] == "prefer"
    assert parse(named("postgresql://u@h/d").url)["sslmode"] == "verify-full"


def test_what_a_driver_lacks_is_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    """Forbids "unrecognized configuration parameter" from asyncpg, and a silent loss."""
    url = (
        "postgresql://u@h/d?connect_timeout=3&keepalives=1&keepalives_idle=5&gssencmode=disable"
        "&channel_binding=prefer&tcp_user_timeout=9&load_balance_hosts=random&application_name=a"
    )
    assert driver_url(url, "asyncpg") == "postgresql://u@h/d?application_name=a"
    assert parse(driver_url(url, "psycopg2")) == parse(driver_url(url, "psycopg")) == parse(url)
    with caplog.at_level(logging.WARNING):
        check_drivers(url, ["psycopg", "asyncpg", "psycopg2", "somebody's", "asyncpg"])
    (message,) = caplog.messages
    assert message == (
        "asyncpg does not know connect_timeout=3, keepalives=1, keepalives_idle=5,"
        " tcp_user_timeout=9, load_balance_hosts=random: its sessions do not have it,"
        " those of other drivers do"
    )


def test_the_drivers_without_libpq_get_what_they_know() -> None:
    """Forbids that psqlpy refuses a whole URL for one parameter, and a loss without a message."""
    url = (
        "postgresql://u@h/d?sslmode=require&sslcert=c&connect_timeout=3&client_encoding=UTF8"
        "&options=-cx%3D1&target_session_attrs=any&hostaddr=127.0.0.1"
    )
    shared = {"user": "u", "dbname": "d", "host": "127.0.0.1", "sslmode": "require"}
    shared["options"] = "-cx=1"
    assert parse(driver_url(url, "pg8000")) == shared | {"sslcert": "c", "client_encoding": "UTF8"}
    known = shared | {"connect_timeout": "3", "target_session_attrs": "any"}
    assert parse(driver_url(url, "psqlpy")) == known


@pytest.mark.parametrize(
    ("driver", "parameter", "refused"),
    [
        ("pg8000", "channel_binding=require", True),
        ("psqlpy", "channel_binding=require", False),
        ("pg8000", "sslrootcert=system", True),
        ("psqlpy", "sslrootcert=system", True),
        ("pg8000", "sslcrl=/revoked", True),
        ("psqlpy", "sslcrl=/revoked", True),
        ("asyncpg", "sslcrl=/revoked", False),
        ("psqlpy", "ssl_min_protocol_version=TLSv1.3", True),
        ("psqlpy", "ssl_min_protocol_version=TLSv1.2", False),
    ],
)
def test_what_an_extra_lacks_for_protection_is_refused(
    driver: str, parameter: str, refused: bool
) -> None:
    """Forbids a connection with less protection than the URL requires."""
    url = f"postgresql://u@h/d?{parameter}"
    if not refused:
        assert driver_url(url, driver)
        return
    with pytest.raises(UsageError, match=f"{driver} cannot honour {parameter}"):
        driver_url(url, driver)


def test_asyncpg_connects_to_the_address_that_is_given() -> None:
    """Forbids that asyncpg looks up a name if the URL gives the address."""
    url = driver_url("postgresql://u@shop.invalid/d?hostaddr=127.0.0.1", "asyncpg")
    assert parse(url)["host"] == "127.0.0.1"
    assert "hostaddr" not in parse(url)
    some = driver_url("postgresql://u@a,b/d?hostaddr=127.0.0.1,", "asyncpg")
    assert parse(some)["host"] == "127.0.0.1,b"


def test_a_secret_that_a_driver_lacks_is_refused_without_it() -> None:
    url = "postgresql://u@h/d?oauth_client_secret=hush&oauth_issuer=i"
    for driver in ("asyncpg", "psycopg2"):
        with pytest.raises(UsageError) as caught:
            driver_url(url, driver)
        assert "hush" not in str(caught.value)


def test_no_secret_in_what_is_shown() -> None:
    database = Database("host=h password=hush sslpassword=hush dbname=d")
    assert "hush" not in repr(database)
    assert database.safe_url == "postgresql://:***@h/d?sslpassword=***"


@pytest.mark.parametrize(
    "name", ["asyncpg", "core+asyncpg", "psycopg", "psycopg2", "pg8000", "psqlpy"]
)
def test_a_host_after_ipv6_is_reached(server: EmbeddedServer, name: str) -> None:
    """Forbids "Invalid IPv6 URL" from asyncpg, by the `urlsplit` of newer Pythons."""
    known = parse(server.start())
    known |= {"host": f"127.0.0.1,::1,{known['host']}", "port": f"1,1,{known['port']}"}
    backend = accessors.load(name)
    target = Target(driver_url(build(known), backend.driver), pool_size=1)
    if isinstance(backend, AsyncBackend):
        asyncio.run(_opened(backend, target))
    else:
        with backend.open(target), backend.accessor():
            pass


async def _opened(backend: AsyncBackend, target: Target) -> None:
    async with backend.open(target), backend.accessor():
        pass
