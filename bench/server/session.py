"""A time limit for a session of our own whose server does not answer."""

import os
import socket
import threading
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
