"""Databases with other encodings than UTF-8: each works, or is refused before rows are loaded."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.server.database import Database
from bench.server.embedded import EmbeddedServer
from bench.server.url import changed
from tests.bench.command import Bench

DRIVERS = ("--backend=psycopg2", "--backend=psycopg", "--backend=asyncpg", "--backend=orm+asyncpg")


@pytest.fixture
def encoded(
    request: pytest.FixtureRequest, server: EmbeddedServer, tmp_path: Path
) -> Iterator[Bench]:
    """Give `bench` commands on a database of the encoding that the test names."""
    name = f"encoded_{request.param.lower()}"
    maintenance = Database(server.start())
    create = f"create database {name} encoding '{request.param}' locale 'C' template template0"
    with maintenance.connect() as connection:
        connection.execute(create.encode())
    yield Bench(tmp_path, changed(maintenance.url, dbname=name))
    with maintenance.connect() as connection:
        connection.execute(f"drop database {name} with (force)".encode())


@pytest.mark.parametrize(
    "encoded", ["SQL_ASCII", "LATIN1", "WIN1251", "EUC_JP", "EUC_TW", "KOI8R"], indirect=True
)
def test_rows_are_the_same_in_every_encoding(encoded: Bench) -> None:
    """Forbids bytes instead of text, and a client that decodes by the server's encoding."""
    done = encoded("verify", "--scale=0.01", *DRIVERS)
    assert done.code == 0, done
    assert done.out.count("ok ") == len(DRIVERS)


@pytest.mark.parametrize("encoded", ["MULE_INTERNAL"], indirect=True)
def test_an_encoding_that_cannot_be_converted_is_refused(encoded: Bench) -> None:
    """Forbids a traceback, and a remaining schema, for an encoding without conversion to UTF-8."""
    done = encoded("verify", "--scale=0.01", *DRIVERS)
    assert done.code == 1
    assert len(done.error) == 2, done
    assert "cannot convert the database's encoding to UTF-8" in done.error[0]
    assert "MULE_INTERNAL" in done.error[0]
    assert "ENCODING 'UTF8'" in done.error[1]
    url = changed(encoded.environment["DATABASE_URL"], client_encoding="SQL_ASCII")
    with Database(url).connect() as connection:
        schemas = connection.execute("select from pg_namespace where nspname = 'gatherbench'")
        assert schemas.fetchall() == []
