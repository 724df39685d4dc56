"""Settings of a role or a database: none changes an answer; errors name those that end the work."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bench.model.errors import BenchError
from bench.server.account import account_for_caller
from bench.server.embedded import EmbeddedServer
from bench.server.resolution import resolve
from bench.server.url import changed, parse
from tests.bench.command import Bench, Done
from tests.databases import new_database
from tests.listening import give

DRIVERS = ("--backend=psycopg2", "--backend=psycopg", "--backend=asyncpg", "--backend=orm+psycopg")
ODD = {
    "DateStyle": "'German, DMY'",
    "IntervalStyle": "sql_standard",
    "extra_float_digits": "-15",
    "TimeZone": "'Asia/Kathmandu'",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "backslash_quote": "on",
    "lc_numeric": "'C.UTF-8'",
    "lc_time": "'C.UTF-8'",
    "xmloption": "document",
    "row_security": "off",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "search_path": "public, pg_catalog",
    "client_encoding": "LATIN1",
    "quote_all_identifiers": "on",
    "array_nulls": "off",
    "transform_null_equals": "on",
}


class Role:
    """Give a new role that owns a new database, and `bench` commands as that role."""

    def __init__(self, folder: Path, url: str) -> None:
        self.admin, self.name = url, "odd_role"
        self.url = changed(url, user=self.name)
        self.bench = Bench(folder, self.url)

    def set(self, **settings: str) -> None:
        with psycopg.connect(self.admin, autocommit=True) as connection:
            for name, value in settings.items():
                connection.execute(f"ALTER ROLE {self.name} SET {name} = {value}".encode())

    def verify(self) -> Done:
        return self.bench("verify", "--scale=0.01", *DRIVERS)


@pytest.fixture(scope="module")
def own_server(server: EmbeddedServer) -> Iterator[EmbeddedServer]:
    """Give the tests' server, with a role that its access rules admit."""
    rules = server.data / "pg_hba.conf"
    before = rules.read_text()
    with psycopg.connect(server.start(), autocommit=True) as connection:
        rules.write_text(f"local all odd_role trust\n{before}")
        connection.execute("SELECT pg_reload_conf()")
        yield server
        rules.write_text(before)
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture
def role(own_server: EmbeddedServer, tmp_path: Path) -> Iterator[Role]:
    with new_database(own_server) as database:
        name = parse(database.url)["dbname"]
        with database.connect() as connection:
            connection.execute("CREATE ROLE odd_role LOGIN")
            connection.execute(f"ALTER DATABASE {name} OWNER TO odd_role".encode())
        yield Role(tmp_path, database.url)
        with database.connect() as connection:
            connection.execute("DROP OWNED BY odd_role CASCADE")
            connection.execute(f"ALTER DATABASE {name} OWNER TO postgres".encode())
            connection.execute("DROP ROLE odd_role")


def refused(done: Done, *words: str) -> None:
    """Assert that the command ended with an error of two lines that contains the words."""
    assert done.code == 1, done
    assert len(done.error) == 2, done
    for word in words:
        assert word in "\n".join(done.error)


def test_no_setting_changes_an_answer(role: Role) -> None:
    """Forbids an answer, or a fingerprint of the rows, that depends on the role's settings."""
    role.set(**ODD)
    done = role.verify()
    assert done.code == 0, done
    assert done.out.count("ok ") == len(DRIVERS)


def test_the_header_tells_the_settings_of_the_role(role: Role) -> None:
    """Forbids a header with our own sessions' settings: the backends' sessions have the role's."""
    role.set(**ODD)
    url = changed(role.url, options="-c enable_sort=off")
    arguments = (f"--database-url={url}", "--backend=psycopg", "--no-verify", "--scale=0.01")
    done = role.bench.measure(*arguments)
    assert done.code == 0, done
    (header,) = role.bench.lines("header")
    server_facts = header["environment"]["server"]
    assert server_facts["settings"]["default_transaction_isolation"] == "serializable"
    changed_settings = server_facts["changed_settings"]
    assert changed_settings["enable_sort"] == "off"
    assert changed_settings["DateStyle"] == "German, DMY"
    for name in ("IntervalStyle", "extra_float_digits", "bytea_output", "row_security"):
        assert changed_settings[name] == ODD[name]
    assert changed_settings["default_transaction_deferrable"] == "on"


@pytest.mark.parametrize(
    "setting",
    [
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "idle_session_timeout",
        "transaction_timeout",
    ],
)
def test_a_timeout_that_would_end_the_work(role: Role, setting: str) -> None:
    """Forbids "lost the server", and a traceback, for a timeout of a millisecond."""
    role.set(**{setting: "'1ms'"})
    done = role.bench("verify")
    if setting == "idle_session_timeout" and "ended at once" in done.err:
        refused(done, "the role odd_role was ended at once", "idle_session_timeout")
        return
    refused(
        done,
        f"{setting} is shorter than 1000 ms for the role odd_role at postgresql://odd_role@/",
        f'ALTER ROLE "odd_role" SET {setting} = 0',
        f"options=-c%20{setting}%3D0",
    )


def test_a_timeout_can_be_taken_away_in_the_url(role: Role) -> None:
    """Forbids advice that does not help."""
    role.set(statement_timeout="'1ms'", search_path="public")
    url = changed(role.url, options="-c statement_timeout=0")
    done = role.bench("verify", "--scale=0.01", f"--database-url={url}", *DRIVERS)
    assert done.code == 0, done


def test_a_long_timeout_is_left_to_the_backends(role: Role) -> None:
    """Forbids refusing sensible timeouts."""
    role.set(statement_timeout="'30s'", idle_in_transaction_session_timeout="'1min'")
    assert resolve(role.url)


def test_a_role_that_may_only_read(role: Role) -> None:
    """Forbids "connect as a user that may create a schema", which this one may."""
    role.set(default_transaction_read_only="on")
    refused(
        role.verify(),
        "default_transaction_read_only",
        "ALTER ROLE",
    )


def test_the_way_out_of_read_only(role: Role) -> None:
    """Forbids advice that does not help."""
    role.set(default_transaction_read_only="on")
    url = changed(role.url, options="-c default_transaction_read_only=off")
    done = role.bench("verify", "--scale=0.01", f"--database-url={url}", *DRIVERS)
    assert done.code == 0, done


def test_a_setting_that_does_not_exist(role: Role) -> None:
    with pytest.raises(BenchError, match=r"^the server does not know a setting .*\n.*PGOPTIONS"):
        resolve(changed(role.url, options="-c no_such_setting=1"))


def test_our_own_settings_are_not_shown(role: Role) -> None:
    """Forbids our own settings in a URL that users copy."""
    database = resolve(role.url)
    assert parse(database.safe_url) == parse(role.url)
    assert parse(database.url)["options"] == "-c search_path=pg_catalog"


def test_a_standby(tmp_path: Path) -> None:
    """Forbids blaming the role for a server that accepts no writes."""
    with tempfile.TemporaryDirectory(prefix="gatherbench-test-") as folder:
        standby = EmbeddedServer(Path(folder) / "postgres")
        standby.start()
        standby.stop()
        signal = standby.data / "standby.signal"
        signal.touch()
        give(signal, account_for_caller(), 0o600)
        bench = Bench(tmp_path, standby.start())
        refused(bench("verify"), "is a standby", "target_session_attrs=read-write")
        standby.stop()
