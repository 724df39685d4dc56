"""Commands with a URL of every form, through TCP with scram-sha-256 and through the socket."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.bench.command import Bench
from tests.installed import INSTALLED
from tests.listening import Listening, listening

USER, PASSWORD, DATABASE = "o'dd @/ü", "p @:/%?#&=+'ü", "my \"db\" 'ü'?#"
RULES = """
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
host all all ::1/128 scram-sha-256
"""
EXTRAS = [name for name in ("pg8000", "core+pg8000", "psqlpy") if name in INSTALLED]
BACKENDS = ("psycopg2", "asyncpg", "core+psycopg", "orm+asyncpg", "orm+psycopg-async", *EXTRAS)
FEWER = [
    *(f"--backend={name}" for name in BACKENDS),
    *("--workload=get_customers", "--fetch=streamed", "--concurrency=1", "--rounds=1"),
    "--no-charts",
]
"""One case of each driver, with all that a run does beside its rounds."""


@dataclass(frozen=True)
class Form:
    url: str
    environment: dict[str, str] = field(default_factory=dict)


def encoded(text: str) -> str:
    return quote(text, safe="")


def in_quotes(text: str) -> str:
    """Return a value for a `key=value` string."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@pytest.fixture(scope="module")
def odd() -> Iterator[Listening]:
    """Give a server with special characters in a user, a password and a database."""
    with listening(RULES) as server:
        name, database = USER, DATABASE.replace('"', '""')
        password = PASSWORD.replace("'", "''")
        server.execute(
            f"""CREATE ROLE "{name}" LOGIN PASSWORD '{password}'""",
            f'CREATE DATABASE "{database}" OWNER "{name}"',
        )
        yield server


def service_of(server: Listening) -> Form:
    file = server.sockets / "services"
    file.write_text(
        f"[shop]\nhost=127.0.0.1\nport={server.port}\ndbname={DATABASE}\nuser={USER}\n"
        f"password={PASSWORD}\n"
    )
    return Form("postgresql:///?service=shop", {"PGSERVICEFILE": str(file)})


def environment_of(server: Listening, host: str) -> Form:
    """Give the variables for an empty URL; the password is in a file."""
    file = server.sockets / "passwords"
    escaped = (text.replace("\\", "\\\\").replace(":", "\\:") for text in (host, PASSWORD))
    host_there, password = escaped
    file.write_text(f"{host_there}:{server.port}:*:*:{password}\n")
    file.chmod(0o600)
    variables = {"PGHOST": host, "PGPORT": str(server.port), "PGUSER": USER}
    return Form("postgresql://", variables | {"PGDATABASE": DATABASE, "PGPASSFILE": str(file)})


FORMS = (
    "no query", "query", "no path", "ipv6", "socket", "host in the query", "key=value",
    "several hosts", "sqlalchemy", "service", "environment", "socket by environment",
)  # fmt: skip


def form(kind: str, server: Listening) -> Form:
    login = f"{encoded(USER)}:{encoded(PASSWORD)}"
    address, name = f"127.0.0.1:{server.port}", encoded(DATABASE)
    match kind:
        case "no query":
            return Form(f"postgresql://{login}@{address}/{name}")
        case "query":
            return Form(f"postgres://{login}@{address}/{name}?connect_timeout=9&keepalives=1")
        case "no path":  # the database then has the user's name
            return Form(server.url(dbname="").removesuffix("/"))
        case "ipv6":
            return Form(f"postgresql://{login}@[::1]:{server.port}/{name}")
        case "socket":
            where = f"host={server.sockets}&port={server.port}"
            return Form(f"postgresql://{login}@/{name}?{where}")
        case "host in the query":
            where = f"host=127.0.0.1&port={server.port}&user={encoded(USER)}"
            return Form(f"postgresql:///?{where}&password={encoded(PASSWORD)}&dbname={name}")
        case "key=value":
            names = {"user": USER, "password": PASSWORD, "dbname": DATABASE}
            words = [f"{key}={in_quotes(value)}" for key, value in names.items()]
            return Form(" ".join([f"host=127.0.0.1 port={server.port}", *words]))
        case "several hosts":
            return Form(f"postgresql://{login}@127.0.0.1:1,[::1]:1,{address}/{name}")
        case "sqlalchemy":
            return Form(f"postgresql+asyncpg://{login}@{address}/{name}")
        case "service":
            return service_of(server)
        case "environment":
            return environment_of(server, "127.0.0.1")
        case _:
            return environment_of(server, str(server.sockets))


@pytest.fixture(params=FORMS)
def odd_bench(request: pytest.FixtureRequest, odd: Listening, tmp_path: Path) -> Bench:
    """Give `bench` commands with a DATABASE_URL of one of the forms."""
    chosen = form(request.param, odd)
    bench = Bench(tmp_path, chosen.url)
    bench.environment.update(chosen.environment)
    return bench


def test_every_form_is_verified(odd_bench: Bench) -> None:
    """Forbids a form that a driver reads differently from libpq, or not at all."""
    backends = [f"--backend={name}" for name in BACKENDS]
    done = odd_bench("verify", "--scale=0.01", *backends)
    assert done.code == 0, done
    assert done.out.count("ok ") == len(BACKENDS)
    shows_nothing(odd_bench, done.out + done.err)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("odd_bench", "fewer"),
    [(kind, [] if kind == "key=value" else FEWER) for kind in FORMS],
    ids=FORMS,
    indirect=["odd_bench"],
)
def test_every_form_is_measured(odd_bench: Bench, fewer: Sequence[str]) -> None:
    """Forbids text appended to a URL: a proof connected to a database `db&application_name=...`.

    Runs the profile smoke, with proofs, memory and verification: of every backend and with charts
    by one form, and of each driver by the others.
    """
    options = ("--profile=smoke", "--seconds=0.1", f"--out={odd_bench.out}", *fewer)
    done = odd_bench("run", *options, seconds=800)
    assert done.code == 0, done
    proofs = odd_bench.lines("proof")
    assert proofs
    assert {line["state_after"] for line in proofs} <= {"idle", "idle in transaction"}
    (header,) = odd_bench.lines("header")
    files = [path.read_bytes().decode(errors="replace") for path in odd_bench.out.rglob("*.*")]
    shows_nothing(odd_bench, done.out + done.err)
    # Samples are in base64, where the password's four letters occur by chance.
    for secret in (PASSWORD, encoded(PASSWORD), "s3cr:", "s3cr%"):
        assert secret not in "".join(files)
    assert header["environment"]["server"]["transport"] in ("tcp", "unix socket")


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("odd_bench", ["no query", "key=value", "service"], indirect=True)
@pytest.mark.parametrize(
    "command",
    [
        ("streaming", "--quick", "--rows=1000", "--no-charts"),
        ("doctor",),
        ("lesson", "session-per-task", "--trials=2"),
        ("lesson", "workshop-questions", "--trials=2"),
        ("overhead", "--pairs=2", "--seconds=0.01"),
        ("overhead", "--guard", "--pairs=2"),
        ("calibrate", "--generations=1", "--rounds=6"),
        ("db", "status"),
        ("db", "url"),
        ("db", "psql", "--", "-Atc", "select 1"),
        ("db", "reset", "--yes"),
    ],
    ids=" ".join,
)
def test_other_commands(odd_bench: Bench, command: tuple[str, ...]) -> None:
    """Forbids a connection that reads the URL by other code."""
    done = odd_bench(*command, seconds=800)
    assert not done.error, done
    assert "differ" not in done.err
    shows_nothing(odd_bench, done.out + done.err)


def shows_nothing(bench: Bench, said: str) -> None:
    """Assert that no password is in the text, encoded or not."""
    for secret in (PASSWORD, encoded(PASSWORD), "s3cr"):
        assert secret not in said


def test_the_command_line_shows_no_password(odd: Listening, tmp_path: Path) -> None:
    """Forbids the password of a `key=value` string in the header's command line."""
    bench = Bench(tmp_path)
    url = form("key=value", odd).url
    done = bench.measure(f"--database-url={url}", "--backend=psycopg2", "--no-verify")
    assert done.code == 0, done
    (header,) = bench.lines("header")
    assert "***" in header["command"]
    shows_nothing(bench, header["command"])


def test_a_database_that_is_not_there(odd: Listening, tmp_path: Path) -> None:
    bench = Bench(tmp_path, odd.url(dbname="my nowhere"))
    done = bench("verify")
    assert done.code == 1
    assert done.error[0].startswith("error: no such database or user at postgresql://postgres:***@")
    assert len(done.error) == 2
