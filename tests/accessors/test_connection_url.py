"""A URL means to the drivers without a URL of their own what it means to libpq."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from accessors.connection_url import addresses, parameters, root_certificate
from bench.server.url import build

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
HOST = st.sampled_from(["h", "db.example.org", "::1", "fe80::1%eth0", "127.0.0.1", "münchen"])


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


PART = st.text(st.sampled_from(":@/?#[]%,=+&;'\\\"\n\téa40"), max_size=6)
PAIR = st.tuples(st.sampled_from(["host", "port", "user", "dbname", "opti%6fns"]), PART)
LOGIN = PART.filter(lambda text: "[" not in text)
PLACE = st.sampled_from(["", "h", "h:1", "[::1]", "[::1]:2", "%2Ftmp", "%3A%3A1:3", "h%2Ei:4"])


@given(login=LOGIN, hosts=st.lists(PLACE), dbname=PART, pairs=st.lists(PAIR))
@example("u", ["host1:5432", "[::1]:5433"], "db", [])
@example("u", ["[::1]", "[::2]"], "db", [])
@example("u", ["[fe80::1%25eth0]:5"], "db", [])
@example("u:a?b#c[d]:e", ["h"], "d#1", [])
@example("", [], "", [("host", "/tmp")])
@example("u:p+q", ["a", "b:5"], "d", [("user", "%40"), ("host", ""), ("port", "7")])
def test_any_url_is_read_as_libpq_does(
    login: str, hosts: list[str], dbname: str, pairs: list[tuple[str, str]]
) -> None:
    """Forbids a refusal of IPv6 after another host, as by `urlsplit`, and a text cut at `#`."""
    query = "&".join(f"{name}={value}" for name, value in pairs)
    url = f"postgresql://{login}{'@' if login else ''}{','.join(hosts)}/{dbname}?{query}"
    try:
        read = conninfo_to_dict(url)
    except (ProgrammingError, UnicodeDecodeError):
        return  # libpq refuses it
    assert parameters(url) == {name: value for name, value in read.items() if value}


def test_another_text_is_refused_without_its_secret() -> None:
    """Forbids that keys and values are read as the name of a host."""
    with pytest.raises(ValueError, match="begins with postgresql://") as caught:
        parameters("host=h password=hush")
    assert "hush" not in str(caught.value)


def test_a_missing_port_or_host_is_libpqs() -> None:
    assert list(addresses({})) == [("localhost", 5432)]
    assert list(addresses({"host": ",b", "port": ",77"})) == [("localhost", 5432), ("b", 77)]
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
