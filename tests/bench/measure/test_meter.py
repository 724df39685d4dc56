"""The meter's view of the server's processes."""

import threading
from contextlib import suppress

import psycopg

from bench.measure.meter import new_clients, server_processes
from bench.server.database import Database, postmaster_pid
from tests.bench.command import wait_until


def test_a_worker_of_the_server_is_no_connection(empty: Database) -> None:
    """Defect: a worker of autovacuum that started during a turn counted as a connection."""
    with empty.connect() as observer:
        postmaster = postmaster_pid(observer)
        before = server_processes(postmaster)
        with psycopg.connect(empty.url_for("psycopg"), autocommit=True) as client:
            client.execute("SET debug_parallel_query = on")  # the client lets a worker do it
            wait_until(lambda: len(server_processes(postmaster) - before) == 1)
            asking = threading.Thread(target=_ask, args=[client])
            asking.start()
            wait_until(lambda: len(server_processes(postmaster) - before) == 2)
            served = {str(client.info.backend_pid)}  # a new process has its title a little later
            wait_until(lambda: new_clients(before, server_processes(postmaster)) == served)
            assert len(server_processes(postmaster) - before) == 2
            client.cancel_safe()
            asking.join()


def _ask(client: psycopg.Connection[object]) -> None:
    with suppress(psycopg.errors.QueryCanceled):
        client.execute("SELECT pg_sleep(60)")
