"""The lock on our schema after a lost connection: taken again only if no other command held it."""

import threading
import time
from collections.abc import Callable

import psutil
import psycopg
import pytest

from bench.dataset import loading as dataset
from bench.dataset import lock, schema
from bench.dataset.lock import Lock, LockLostError, ServerGoneError
from bench.model.errors import BenchError
from bench.server.database import Database
from bench.server.resolution import resolve
from tests.bench.conftest import SMALL


def refusal(
    database: Database, work: Callable[[Lock], object], timeout_s: float = 60
) -> BenchError:
    """Return the error of work under the lock."""
    try:
        with lock.held(database, timeout_s) as held:
            work(held)
    except BenchError as error:
        return error
    pytest.fail("nothing was refused")


def use(database: Database) -> None:
    """Hold the lock for a short time, as another command does."""
    with lock.held(database):
        pass


def terminate(database: Database, held: Lock) -> None:
    """End the connection that holds the lock, as an administrator does, and wait for its end."""
    pid = held.connection.info.backend_pid
    with database.connect() as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])


def test_a_lost_lock_is_taken_again_if_nobody_had_it(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Defect: the lock is lost with its connection, unnoticed, and a second command gets it."""
    with lock.held(database) as held:
        terminate(database, held)
        held.check()
        assert "terminating connection due to administrator command" in caplog.text
        assert "It was taken again: no other command has held it since" in caplog.text
        with pytest.raises(BenchError, match="another bench command") as second:
            use(database)
        # Forbids a lock of a lost machine without the way to release it.
        pid = held.connection.info.backend_pid
        assert str(second.value).endswith(f"SELECT pg_terminate_backend({pid})")


def test_a_lost_lock_that_somebody_else_has(database: Database) -> None:
    def work(held: Lock) -> None:
        terminate(database, held)
        with lock.held(database):
            held.check()

    error = refusal(database, work)
    assert isinstance(error, LockLostError)
    assert "another bench command has it now (server process " in str(error)


def test_work_is_done_anew_on_another_connection(database: Database) -> None:
    """Defect: a run ends with 'lost the server' for a connection that was lost in a restore."""
    with lock.held(database) as held:
        terminate(database, held)
        assert held.run(lambda c: c.execute("SELECT 1").fetchall()) == [(1,)]
        with pytest.raises(psycopg.errors.QueryCanceled):
            held.run(lambda c: c.execute("SET statement_timeout = 1; SELECT pg_sleep(1)"))


def test_work_is_not_done_anew_where_somebody_else_was(database: Database) -> None:
    done: list[int] = []

    def work(held: Lock) -> None:
        terminate(database, held)
        use(database)
        held.run(lambda c: done.append(c.execute("SELECT 1").rowcount))

    assert "has used it since" in str(refusal(database, work))
    assert done == []


def test_a_lost_lock_stays_lost(database: Database) -> None:
    """Forbids cleaning up rows that another command is using by then."""

    def work(held: Lock) -> None:
        terminate(database, held)
        use(database)
        for _ in range(2):
            with pytest.raises(LockLostError):
                held.check()
        assert held.connection.closed

    refusal(database, work)


@pytest.mark.parametrize("dropped", [False, True])
def test_a_lost_lock_that_somebody_else_had(database: Database, dropped: bool) -> None:
    """Defect: rows that were loaded again meanwhile are measured as if they were the same."""

    def work(held: Lock) -> None:
        terminate(database, held)
        with lock.held(database) as other:
            if dropped:
                schema.drop(other.connection)
                schema.create(other.connection)
        held.check()

    assert "another bench command has used it since" in str(refusal(database, work))


def test_a_lost_lock_is_noticed_when_the_work_ends(database: Database) -> None:
    def work(held: Lock) -> None:
        terminate(database, held)
        use(database)

    assert "has used it since" in str(refusal(database, work))


def test_a_lock_that_was_released_behind_our_back(database: Database) -> None:
    """Forbids trusting a living connection: its lock may be lost all the same."""

    def work(held: Lock) -> None:
        held.connection.execute("SELECT pg_advisory_unlock_all()")
        use(database)

    error = str(refusal(database, work))
    assert "(the server released the lock)" in error
    assert "has used it since" in error


def test_a_user_who_may_leave_no_token_stops(database: Database) -> None:
    """Forbids continuing without a proof that no other command used the rows."""
    with database.connect() as connection:
        dataset.ensure(connection, SMALL)
        connection.execute("create role reader in role pg_read_all_data")
    reader = Database(f"{database.url}&options=-crole%3Dreader")
    try:
        error = refusal(reader, lambda held: terminate(database, held))
    finally:
        with database.connect() as connection:
            connection.execute("drop role reader")
    assert "this user may not write the token" in str(error)


def test_timeouts_of_the_role_do_not_end_our_own_session(database: Database) -> None:
    """Defect: an idle harness is disconnected while its worker processes measure."""
    with database.connect() as connection:
        name = connection.info.dbname
        connection.execute(f"alter database {name} set idle_session_timeout = '1s'")
    with lock.held(resolve(database.url)) as held:
        pid = held.connection.info.backend_pid
        time.sleep(1.5)
        held.check()
        assert held.connection.info.backend_pid == pid


def test_a_silent_server_is_left(database: Database) -> None:
    """Forbids waiting forever for a server that a signal has stopped."""

    def work(held: Lock) -> None:
        process = psutil.Process(held.connection.info.backend_pid)
        process.suspend()
        try:
            held.check()
        finally:
            process.resume()

    # The stopped process still has the lock: no other command may take it.
    error = str(refusal(database, work, timeout_s=0))
    assert "no answer within 5 s" in error
    assert "the server has not ended that connection, which has it now" in error


def test_a_lock_that_is_released_late(database: Database) -> None:
    """Defect: our own session, which is about to end, is taken for another command's."""
    with lock.held(database) as held:
        process = psutil.Process(held.connection.info.backend_pid)
        process.suspend()
        threading.Timer(1, process.resume).start()
        held.connection.close()
        held.check()
        assert held.connection.info.backend_pid != process.pid


def test_a_server_that_is_gone_is_named_for_what_failed(database: Database) -> None:
    """Forbids blaming the measured backend for the end of the server."""

    def work(held: Lock) -> None:
        terminate(database, held)
        held.database = Database("postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=1")
        raise BenchError("its operations failed")

    error = refusal(database, work)
    assert isinstance(error, ServerGoneError)
    assert str(error).startswith("the server went away (terminating connection due to")


def test_a_statement_that_is_cancelled(database: Database) -> None:
    """Forbids 'lost the server' for a statement that the server refuses."""

    def work(held: Lock) -> None:
        held.connection.execute("set statement_timeout = '1ms'; select pg_sleep(1)")

    what, cure = str(refusal(database, work)).splitlines()
    assert what.startswith("the server cancelled a statement at postgresql://")
    assert "log" in cure
