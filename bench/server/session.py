"""A time limit for a session of our own whose server does not answer."""

import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg


@contextmanager
def answered_within(connection: "psycopg.Connection[Any]", seconds: float) -> Iterator[None]:
    """Close the connection if the block takes longer, so that a wait for an answer raises.

    The error is psycopg's `OperationalError`, as for a closed connection. A server that a signal
    has stopped closes no connection, and no timeout of PostgreSQL or of a unix socket ends the
    wait.
    """
    with socket.socket(fileno=os.dup(connection.fileno())) as wire:

        def cut() -> None:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def value_within(connection: "psycopg.Connection[Any]", statement: str, seconds: float) -> str:
    """Return the only value of a statement as PostgreSQL writes it. Wait at most so long for it.

    As `answered_within`, without its thread: that takes 1 ms, and a run asks after every turn.
    Raises psycopg's `OperationalError` if the server does not answer, or answers with an error.
    """
    import psycopg

    wire = connection.pgconn
    wire.send_query(statement.encode())
    results, deadline = [], time.monotonic() + seconds
    while True:
        while wire.is_busy():
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not select.select([wire.socket], [], [], left_s)[0]:
                connection.close()
                raise psycopg.OperationalError(f"no answer within {seconds:g} s")
            try:
                wire.consume_input()
            except psycopg.OperationalError:  # in the server's own words
                raise psycopg.OperationalError(psycopg.pq.error_message(wire)) from None
        if (result := wire.get_result()) is None:
            break
        results.append(result)
    if len(results) != 1 or (value := results[0].get_value(0, 0)) is None:
        raise psycopg.OperationalError(psycopg.pq.error_message(results[-1] if results else wire))
    return value.decode()
