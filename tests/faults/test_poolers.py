"""PgBouncer in front of the server, in each of its modes."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from bench.dataset import schema
from bench.server.embedded import EmbeddedServer
from bench.server.url import changed
from tests.bench.command import LONGEST_S, POINT, Bench, finish, wait_until
from tests.faults.campaign import begin
from tests.faults.fault import Fault, is_well

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

SESSION = Fault("PgBouncer, session mode", "the command measures through the pooler", 0)
REFUSED = {
    "transaction": Fault(
        "PgBouncer, transaction mode",
        "error: a connection pooler in transaction mode is at …: it gives each transaction another"
        " connection, so a lock of a session is not kept.",
        1,
    ),
    "statement": Fault(
        "PgBouncer, statement mode",
        "error: a connection pooler in statement mode is at …: it gives each statement another"
        " connection, so a lock of a session is not kept.",
        1,
    ),
}

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")


@contextmanager
def pooler(server: EmbeddedServer, mode: str, *settings: str) -> Iterator[str]:
    """Give the URL of a PgBouncer in front of the server."""
    assert PROGRAM is not None
    with psycopg.connect(server.start()) as connection:
        place = connection.info.host
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="gatherbench-test-") as name:
        folder = Path(name)
        file = folder / "pgbouncer.ini"
        lines = [
            "[databases]",
            f"postgres = host={place} port=5432 user=postgres",
            "[pgbouncer]",
            f"pool_mode = {mode}",
            "auth_type = any",
            "listen_addr = 127.0.0.1",
            f"listen_port = {port}",
            "unix_socket_dir =",
            "ignore_startup_parameters = extra_float_digits,search_path,options",
            *settings,
        ]
        file.write_text("\n".join(lines))
        user = {}
        if os.geteuid() == 0:  # PgBouncer refuses to run as root; the server admits its own user
            folder.chmod(0o755)
            user = {"user": "gatherbench", "group": "gatherbench", "extra_groups": []}
        with (folder / "log").open("w") as log:
            running = subprocess.Popen([PROGRAM, file], stdout=log, stderr=log, **user)
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        try:
            wait_until(lambda: _answers(url) or running.poll() is not None)
            assert running.poll() is None, (folder / "log").read_text()
            yield url
        finally:
            running.terminate()
            running.wait(timeout=LONGEST_S)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def _sessions(server: EmbeddedServer) -> int:
    """Return the number of the pooler's server connections."""
    with psycopg.connect(server.start()) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        (number,) = connection.execute(query).fetchone() or (0,)
    return int(number) - 1


def advisory_locks(server: EmbeddedServer) -> int:
    with psycopg.connect(server.start()) as connection:
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        (number,) = connection.execute(query).fetchone() or (0,)
    return int(number)


def test_session_mode_works(tmp_path: Path, mortal: EmbeddedServer) -> None:
    """Forbids refusing every pooler, and a lock that stays on its connections."""
    with pooler(mortal, "session") as url:
        bench = Bench(tmp_path, url)
        is_well(finish(begin(bench, "--rounds=2")))
        is_well(bench("db", "reset", "--yes"))
        wait_until(lambda: advisory_locks(mortal) == 0)


@pytest.mark.parametrize("mode", REFUSED)
@pytest.mark.parametrize(
    "settings", [(), ("server_round_robin = 1", "min_pool_size = 3")], ids=["", "round-robin"]
)
def test_another_mode_is_refused(
    tmp_path: Path, mortal: EmbeddedServer, mode: str, settings: tuple[str, ...]
) -> None:
    """Forbids a lock that stays on a pooled connection: 'another bench command is using'."""
    with pooler(mortal, mode, *settings) as url:
        if settings:  # the pooler lends another free connection each time
            with psycopg.connect(url, autocommit=True) as client:
                client.execute("SELECT 1")
                wait_until(lambda: _sessions(mortal) >= 3)
        for command in (("run", "--profile=smoke"), ("verify",), ("overhead",)):
            done = Bench(tmp_path, url)(*command)
            REFUSED[mode].is_shown_by(done)
            assert "pool_mode = session" in done.error[1]
        assert advisory_locks(mortal) == 0
    with psycopg.connect(mortal.start()) as direct:
        assert schema.state(direct) is schema.State.ABSENT


NEEDED = (
    "psycopg.prepare_threshold=none",
    "asyncpg.statement_cache_size=0",
    "engine.prepared_statement_cache_size=0",
    "engine.prepared_statement_name_func=uuid",
)
FEW = ("default_pool_size = 3",)


def connecting(*settings: str) -> list[str]:
    return [f"--connect={setting}" for setting in settings]


def test_transaction_mode_with_what_each_library_needs(
    tmp_path: Path, mortal: EmbeddedServer
) -> None:
    """Forbids a traceback (DuplicatePreparedStatement), and a server that "went away"."""
    backends = ("psycopg2", "psycopg", "asyncpg", "orm+asyncpg", "core+psycopg-async")
    with pooler(mortal, "transaction", *FEW) as url:
        bench = Bench(tmp_path, url)
        # In a session for each operation, a transaction of an implicit read ends with it. Otherwise
        # six clients would wait for three server connections until all of them end.
        done = bench(
            "run", "--profile=smoke", f"--workload={POINT}", "--workload=insert_order_items",
            "--fetch=buffered", "--concurrency=6", "--session-scope=operation",
            "--transactions=implicit", "--transactions=autocommit", "--rows=native", "--rounds=1",
            "--no-charts", f"--admin-url={mortal.start()}", f"--out={bench.out}",
            *[f"--backend={name}" for name in backends], *connecting(*NEEDED),
        )  # fmt: skip
    assert done.code == 0, done
    lines = [json.loads(line) for line in (bench.out / "run.jsonl").read_text().splitlines()]
    header = lines[0]
    assert header["environment"]["server"]["pooler"] == "transaction"
    assert {*backends} == {*header["verified"]}
    assert not [line for line in lines if line["kind"] == "failure"]
    runs = [line for line in lines if line["kind"] == "run"]
    assert not any(line["samples"]["errors"] for line in runs)
    assert {line["case"]["backend"] for line in runs} == {*backends}
    adapter = [line["case"] for line in runs if line["case"]["backend"] == "orm+asyncpg"]
    assert {case["transactions"] for case in adapter} == {"implicit"}
    assert "orm+asyncpg prepares a statement and runs it in two transactions" in done.err
    assert advisory_locks(mortal) == 0


def test_a_backend_without_a_case_is_not_verified(tmp_path: Path, mortal: EmbeddedServer) -> None:
    """Defect: a backend whose cases were all left out was verified with the library's defaults, and
    its lost statement ended the run."""
    with pooler(mortal, "transaction", *FEW) as url:
        bench = Bench(tmp_path, url)
        done = bench(
            "run", "--profile=smoke", f"--workload={POINT}", "--fetch=buffered", "--concurrency=1",
            "--session-scope=task", "--transactions=autocommit", "--rounds=1", "--no-charts",
            "--backend=psycopg2", "--backend=core+asyncpg", f"--admin-url={mortal.start()}",
            f"--out={bench.out}", *connecting(*NEEDED[1:]),
        )  # fmt: skip
    assert done.code == 0, done
    assert "left out: core+asyncpg prepares a statement" in done.err
    assert {*bench.lines("header")[0]["verified"]} == {"psycopg2"}


@pytest.mark.parametrize("mode", REFUSED)
def test_a_backend_that_needs_an_option_is_told_which(
    tmp_path: Path, mortal: EmbeddedServer, mode: str
) -> None:
    """Forbids errors in the middle of a run, where the pooler loses a prepared statement."""
    with pooler(mortal, mode) as url:
        done = Bench(tmp_path, url)("run", "--profile=smoke", f"--admin-url={mortal.start()}")
    assert done.code == 2, done
    assert len(done.error) == 2
    for setting in NEEDED:
        assert f": {setting}" in done.error[0]
        assert f"--connect {setting}" in done.error[1]


def test_statement_mode_measures_what_needs_no_transaction(
    tmp_path: Path, mortal: EmbeddedServer
) -> None:
    backends = ("psycopg2", "psycopg", "asyncpg", "psycopg-async")
    with pooler(mortal, "statement", *FEW) as url:
        bench = Bench(tmp_path, url)
        done = bench(
            "run", "--profile=smoke", "--no-charts", f"--admin-url={mortal.start()}",
            f"--out={bench.out}", *[f"--backend={name}" for name in backends],
            *connecting(*NEEDED[:2]),
        )  # fmt: skip
    assert done.code == 0, done
    lines = [json.loads(line) for line in (bench.out / "run.jsonl").read_text().splitlines()]
    runs = [line["case"] for line in lines if line["kind"] == "run"]
    assert {case["backend"] for case in runs} == {*backends}
    assert {case["fetch"] for case in runs} == {"buffered"}
    assert {case["transactions"] for case in runs} == {"autocommit"}
    assert "a pooler in statement mode refuses it" in done.err


def test_an_admin_url_of_another_database_is_refused(
    tmp_path: Path, mortal: EmbeddedServer
) -> None:
    """Forbids a lock in one database and measured rows in another."""
    with pooler(mortal, "transaction") as url:
        other = changed(mortal.start(), dbname="template1")
        bench = Bench(tmp_path, url)
        done = bench("run", "--profile=smoke", f"--admin-url={other}")
        assert done.code == 2, done
        assert "is another database than" in done.error[0]
        done = bench("run", "--profile=smoke", f"--admin-url={url}")
        assert done.code == 2, done
        assert "leads to a connection pooler too" in done.error[0]


@pytest.mark.parametrize("mode", ["session", *REFUSED])
def test_the_doctor_names_the_mode(tmp_path: Path, mortal: EmbeddedServer, mode: str) -> None:
    with pooler(mortal, mode) as url:
        done = Bench(tmp_path, url)("doctor", "--no-noise")
    assert f"a connection pooler in {mode} mode" in done.out, done
    assert ("--admin-url" in done.out) == (mode != "session")


def test_pool_sizes_in_front_of_it(tmp_path: Path, mortal: EmbeddedServer) -> None:
    """Forbids that `bench pool` has no way to set what a library needs there."""
    with pooler(mortal, "transaction", *FEW) as url:
        bench = Bench(tmp_path, url)
        done = bench(
            "pool", "--backend=asyncpg", "--backend=psycopg2", "--rounds=1", "--seconds=0.02",
            "--concurrency=3", "--size=1,3", "--no-charts", f"--admin-url={mortal.start()}",
            f"--out={bench.out}", *connecting("asyncpg.statement_cache_size=0"),
        )  # fmt: skip
    assert done.code == 0, done
    assert bench.lines("pool_deadlock")
    # A run puts no PgBouncer in front of another; the waits in that one are shown.
    assert "cases behind PgBouncer: the database URL leads to a pooler already" in done.err
    assert all(line["pooler_connections"] for line in bench.lines("pool_waits"))
    assert not bench.lines("failure")
    assert {line["case"].get("connect") for line in bench.lines("pool_waits")} == {
        None,
        "asyncpg.statement_cache_size=0",
    }


SHORT = ("--rounds=1", "--seconds=0.02", "--no-charts", "--quiet")
SELECT = "SELECT n FROM generate_series(1, 1500) AS n ORDER BY n"
COMMANDS = {
    "query": ("query", SELECT, "--allow-writes", "--concurrency=3", *SHORT),
    "verify": ("verify", "--scale=0.01"),
    "overhead": ("overhead", "--concurrency=1", "--seconds=0.01", "--pairs=2"),
    "streaming": ("streaming", "--quick", "--rows=1000", "--no-charts", "--quiet"),
}
BACKENDS = ("psycopg2", "asyncpg", "core+asyncpg")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_measuring_command_works_in_transaction_mode(
    command: tuple[str, ...], tmp_path: Path, mortal: EmbeddedServer
) -> None:
    """Forbids that only `bench run` and `bench verify` measure behind a pooler, or untold options.

    A case that cannot be right there is left out with its reason; the others are measured.
    """
    chosen = [f"--backend={name}" for name in BACKENDS]
    admin = f"--admin-url={mortal.start()}"
    with pooler(mortal, "transaction", *FEW) as url:
        bench = Bench(tmp_path, url)
        untold = bench(*command, *chosen, admin)
        done = bench(*command, *chosen, admin, *connecting(*NEEDED[1:]))
    assert untold.code == 2, untold
    assert "asyncpg, core+asyncpg: asyncpg.statement_cache_size=0" in untold.error[0]
    assert len(untold.error) == 2
    assert done.code in ((0, 1, 3) if command[0] == "overhead" else (0,)), done
    told = "core+asyncpg prepares a statement and runs it in two transactions" in done.err
    assert told == (command[0] != "verify"), "it is verified in implicit transactions"
    for name in BACKENDS[:2]:
        assert name in done.out
    assert advisory_locks(mortal) == 0


def test_a_statement_behind_a_pooler_that_refuses_read_only_sessions(
    tmp_path: Path, mortal: EmbeddedServer
) -> None:
    """Forbids sessions that can write, unless the user admits them; and a note on the pooler with
    a statement_timeout of ours in the user's URL."""
    with pooler(mortal, "transaction") as url:
        bench = Bench(tmp_path, url)
        done = bench("query", SELECT, f"--admin-url={mortal.start()}", *SHORT)
        alone = bench("query", SELECT, "--allow-writes", *SHORT)
    assert (done.code, len(done.error)) == (1, 2), done
    assert "cannot be made read-only: a pooler refuses the setting" in done.error[0]
    assert "--allow-writes" in done.error[1]
    assert f"the pooler at {url} passes no setting on" in alone.err
    assert "options=" not in done.err + alone.err, "the user's own URL"
    assert (alone.code, len(alone.error)) == (1, 2), alone
    assert "Add --admin-url with the server's own URL" in alone.error[1]


def test_a_small_pool_in_session_mode(tmp_path: Path, mortal: EmbeddedServer) -> None:
    """Forbids that clients which rest hold the whole pool, so that the next case waits for ever.

    PgBouncer gives each client a connection of its own there, and by default it has twenty.
    """
    two = ("--backend=psycopg2", "--backend=psycopg-async", "--concurrency=1,2", "--timeout=5")
    sql = "SELECT 1 AS n"
    with pooler(mortal, "session", "default_pool_size = 3") as url:
        bench = Bench(tmp_path, url)
        admitted = ("--allow-writes", f"--admin-url={mortal.start()}")
        done = bench("query", sql, *two, *admitted, *SHORT, f"--out={bench.out}")
    assert done.code == 0, done
    measured = {(run["case"]["backend"], run["case"]["concurrency"]) for run in bench.lines("run")}
    assert len(measured) == 4, done
