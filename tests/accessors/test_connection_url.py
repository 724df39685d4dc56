"""A URL means to the drivers without a URL of their own what it means to libpq."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessors.connection_url import addresses, parameters, root_certificate
from bench.server.url import build

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
HOST = st.sampled_from(["h", "db.example.org", "::1", "fe80::1", "127.0.0.1", "münchen"])


@given(user=TEXT, password=TEXT, dbname=TEXT, options=TEXT, hosts=st.lists(HOST, min_size=1))
def test_what_was_built_is_read(
    user: str, password: str, dbname: str, options: str, hosts: list[str]
) -> None:
    """Forbids a character that is read as syntax."""
    known = {"user": user, "password": password, "dbname": dbname, "options": options}
    known["host"] = ",".join(hosts)
    known["port"] = ",".join(str(5000 + number) for number in range(len(hosts)))
    assert parameters(build(known)) == known
    pairs = [(host, 5000 + number) for number, host in enumerate(hosts)]
    assert list(addresses(known)) == pairs


@given(user=TEXT, folder=TEXT.filter(lambda text: "," not in text))
def test_the_folder_of_a_socket_is_read(user: str, folder: str) -> None:
    """Forbids a folder that is read as the name of a host."""
    known = {"user": user, "host": f"/{folder}", "port": "77"}
    assert parameters(build(known)) == known
    assert list(addresses(known)) == [(f"/{folder}", 77)]


def test_a_missing_port_or_host_is_libpqs() -> None:
    assert list(addresses({})) == [("localhost", 5432)]
    assert list(addresses({"host": "a,b", "port": "77"})) == [("a", 77), ("b", 77)]
    assert list(addresses(parameters("postgresql://u@a:1,b/d"))) == [("a", 1), ("b", 5432)]


HOME = str(Path("~/.postgresql/root.crt").expanduser())


@pytest.mark.parametrize(
    ("known", "file"),
    [
        ({}, None),
        ({"sslmode": "prefer", "sslrootcert": "/ca"}, None),
        ({"sslmode": "require"}, None),
        ({"sslmode": "require", "sslrootcert": "/ca"}, "/ca"),
        ({"sslmode": "verify-ca", "sslrootcert": "/ca"}, "/ca"),
        ({"sslmode": "verify-full"}, HOME),
    ],
)
def test_a_certificate_is_verified_where_libpq_does(
    known: dict[str, str], file: str | None
) -> None:
    """Forbids that a mode which verifies the server connects to any server."""
    assert root_certificate(known) == file
