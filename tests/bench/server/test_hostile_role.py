"""Another role of the database plants functions and operators in `public`: none may ever run.

https://wiki.postgresql.org/wiki/A_Guide_to_CVE-2018-1058:_Protect_Your_Search_Path
"""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bench.dataset import schema
from bench.server.url import changed
from tests.bench.command import Bench
from tests.listening import Listening, listening

FUNCTIONS = (  # name, arguments, result, return value; each also leaves a trace
    ("obj_description", "oid, name", "text", "pg_catalog.obj_description($1, $2)"),
    ("obj_description", "oid, text", "text", "pg_catalog.obj_description($1, $2::name)"),
    ("starts_with", "text, text", "boolean", "pg_catalog.starts_with($1, $2)"),
    ("trim_scale", "numeric", "numeric", "pg_catalog.trim_scale($1)"),
    ("current_setting", "text", "text", "pg_catalog.current_setting($1)"),
    ("pg_backend_pid", "", "integer", "pg_catalog.pg_backend_pid()"),
    ("pg_try_advisory_lock", "bigint", "boolean", "pg_catalog.pg_try_advisory_lock($1)"),
)
OPERATORS = (  # symbol, left, right, result, return value
    ("*", "numeric", "integer", "numeric", "1"),
    ("*", "integer", "numeric", "numeric", "1"),
    ("=", "name", "text", "boolean", "true"),
    ("=", "integer", "integer", "boolean", "$1 OPERATOR(pg_catalog.=) $2"),
    ("<=", "integer", "integer", "boolean", "true"),
    ("||", "integer", "text", "text", "'planted'"),
    ("||", "text", "integer", "text", "'planted'"),
    ("=", '"char"', "text", "boolean", "true"),
)
TRACE = "INSERT INTO public.trace VALUES (current_user, '{}')"


@pytest.fixture(scope="module")
def planted() -> Iterator[Listening]:
    """Give a server where the role `hostile` has planted them; `postgres` is the victim."""
    with listening("local all all trust\n") as server:
        server.execute(
            "CREATE ROLE hostile LOGIN",
            "GRANT CREATE ON SCHEMA public TO hostile",
            "CREATE TABLE public.trace (who text, what text)",
            "GRANT ALL ON public.trace TO PUBLIC",
        )
        url = changed(server.admin, user="hostile")
        with psycopg.connect(url, autocommit=True) as connection:
            for name, arguments, result, value in FUNCTIONS:
                _plant(connection, name, arguments, result, value)
            for number, (symbol, left, right, result, value) in enumerate(OPERATORS):
                _plant(connection, f"planted_{number}", f"{left}, {right}", result, value)
                connection.execute(
                    f"CREATE OPERATOR public.{symbol} (LEFTARG = {left}, RIGHTARG = {right},"
                    f" FUNCTION = public.planted_{number})".encode()
                )
        yield server


def _plant(
    connection: "psycopg.Connection", name: str, arguments: str, result: str, value: str
) -> None:
    body = f"BEGIN {TRACE.format(name)}; RETURN {value}; END"
    connection.execute(
        f"CREATE FUNCTION public.{name}({arguments}) RETURNS {result}"
        f" LANGUAGE plpgsql AS $${body}$$".encode()
    )


@pytest.fixture(params=['"$user", public', "public, pg_catalog"])
def victim(planted: Listening, request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    """Give `bench` commands as the victim, whose role has this search path."""
    planted.execute(
        f"ALTER ROLE postgres SET search_path = {request.param}",
        "DROP SCHEMA IF EXISTS gatherbench CASCADE",
        "DELETE FROM public.trace",
    )
    return Bench(tmp_path, planted.admin)


def ran(planted: Listening) -> list[tuple[str, str]]:
    """Return the roles that ran a planted function, and the function."""
    with psycopg.connect(changed(planted.admin, options="-c search_path=pg_catalog")) as connection:
        return connection.execute("SELECT DISTINCT who, what FROM public.trace").fetchall()


def test_what_is_planted_would_run(planted: Listening, victim: Bench) -> None:
    """Forbids a test that cannot fail: a session with the role's settings does run a function."""
    with psycopg.connect(planted.admin, autocommit=True) as connection:
        connection.execute("SELECT 2.5 * 2::integer")
    assert ("postgres", "planted_0") in ran(planted)


def test_nothing_planted_runs_through_any_backend(planted: Listening, victim: Bench) -> None:
    """Forbids a session with the role's search path: every backend reads and writes here."""
    done = victim("verify", "--scale=0.01")
    assert ran(planted) == []
    assert done.code == 0, done


@pytest.mark.parametrize(
    "command",
    [
        ("doctor", "--no-noise"),
        ("lesson", "session-per-task", "--trials=1"),
        ("overhead", "--pairs=2", "--concurrency=1", "--seconds=0.01"),
        ("db", "reset", "--yes"),
    ],
    ids=lambda command: command[0],
)
def test_nothing_planted_runs_in_other_commands(
    planted: Listening, victim: Bench, command: tuple[str, ...]
) -> None:
    """Forbids a connection that does not set the search path."""
    done = victim(*command)
    assert ran(planted) == []
    assert not done.error, done


@pytest.mark.long
@pytest.mark.timeout(600)
def test_nothing_planted_runs_while_streaming(planted: Listening, victim: Bench) -> None:
    """Forbids a proof, or a bare loop, on the role's search path."""
    backends = ("--backend=psycopg2", "--backend=asyncpg", "--backend=orm+psycopg")
    done = victim("streaming", "--quick", "--rows=1000", "--no-charts", *backends, seconds=500)
    assert ran(planted) == []
    assert done.code == 0, done


def test_a_schema_that_another_role_has_made_for_us(planted: Listening, tmp_path: Path) -> None:
    """Forbids trusting the mark: its text is public, and triggers run as the loading user."""
    planted.execute(
        "DROP SCHEMA IF EXISTS gatherbench CASCADE",
        "GRANT CREATE ON DATABASE postgres TO hostile",
        "DELETE FROM public.trace",
    )
    url = changed(planted.admin, user="hostile")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path = pg_catalog")
        schema.create(connection)
        connection.execute(
            "CREATE FUNCTION gatherbench.planted() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$BEGIN {TRACE.format('trigger')}; RETURN NEW; END$$".encode()
        )
        connection.execute(
            "CREATE TRIGGER planted BEFORE INSERT ON gatherbench.orders FOR EACH ROW"
            " EXECUTE FUNCTION gatherbench.planted()"
        )
        connection.execute("GRANT ALL ON SCHEMA gatherbench TO PUBLIC")
    bench = Bench(tmp_path, planted.admin)
    done = bench("verify", "--scale=0.01", "--backend=psycopg")
    assert ran(planted) == []
    assert done.code == 1
    assert len(done.error) == 2, done
    assert "schema gatherbench belongs to the role hostile" in done.error[0]
    assert "bench db reset" in done.error[1]
    planted.execute("DROP FUNCTION gatherbench.planted() CASCADE")
    assert bench("db", "reset", "--yes").code == 0
    again = bench("verify", "--scale=0.01", "--backend=psycopg")
    assert again.code == 0, again
