"""Faults of the harness's own connection: with it the command loses the lock."""

import psutil
import pytest

from bench.cli.main import INTERRUPTED
from bench.dataset import lock, schema
from bench.server.database import Database
from tests.bench.command import Bench, ctrl_c, finish, wait_until
from tests.faults.campaign import begin, goes_on, is_clean, kept, measure, processes_of
from tests.faults.fault import Fault

TERMINATED = Fault(
    "bench's own connection is terminated, and no other command uses the rows meanwhile",
    "a warning; the command takes the lock again and continues",
    None,
)
RESET = Fault(
    "bench's own connection is terminated, and another command resets the rows",
    "error: bench lost its own connection (…), and with it the lock on schema gatherbench; another"
    " bench command …",
    1,
)
TIMEOUTS = Fault("the database ends idle sessions after a second", "the command continues", None)

_OWN = "application_name = 'gatherbench' AND datname = current_database()"


def terminate(database: Database) -> None:
    """End the connection of the command, and wait until it is gone."""
    with database.connect(application_name="the administrator") as admin:
        query = f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {_OWN}"
        assert admin.execute(query).fetchall() == [(True,)]


def test_nobody_had_the_lock_meanwhile(bench: Bench, database: Database) -> None:
    """Forbids a run that continues without its lock."""
    command = measure(bench)
    workers = processes_of(command)
    terminate(database)
    goes_on(bench, command)
    second = bench("db", "reset", "--yes")
    assert "another session is using schema" in second.err
    with pytest.raises(Exception, match="another bench command"), lock.held(database):
        pass
    ctrl_c(command)
    done = finish(command)
    assert done.code == INTERRUPTED
    assert "It was taken again: no other command has held it since" in done.err
    kept(bench, "interrupted")
    is_clean(workers, database)


def test_another_command_resets_the_rows_meanwhile(bench: Bench, database: Database) -> None:
    """Forbids blaming the server for a change of the rows by another command."""
    command = measure(bench, "--seconds=1")
    workers = processes_of(command)
    # Stopped, so that the other command is first, and waits for no worker's transaction.
    stopped = [psutil.Process(command.pid), *workers]
    for process in stopped:
        process.suspend()
    terminate(database)
    with database.connect(application_name="another") as other:
        other.execute("SELECT pg_advisory_lock(%s)", [schema.LOCK])
        schema.drop(other)
        schema.create(other)
        for process in stopped:
            process.resume()
        wait_until(lambda: command.poll() is not None or bench.lines("end"))
    done = finish(command)
    RESET.is_shown_by(done)
    kept(bench)
    is_clean(workers, database)
    # A loss that is noticed between two cases is the failure of neither.
    for failure in bench.lines("failure"):
        assert "bench lost its own connection" in failure["error"]


def test_timeouts_of_the_database(bench: Bench, database: Database) -> None:
    """Forbids losing the lock by a timeout: the harness waits while others measure."""
    with database.connect() as connection:
        name = connection.info.dbname
        for timeout in ("idle_session_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(f"ALTER DATABASE {name} SET {timeout} = '1s'")
    command = begin(bench, "--seconds=1.5")
    workers = processes_of(command)
    goes_on(bench, command)
    ctrl_c(command)
    done = finish(command)
    assert done.code == INTERRUPTED
    assert "lost" not in done.err
    is_clean(workers, database)
