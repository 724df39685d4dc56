"""A session of our own whose server is silent: it is left."""

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
    """Cut the connection if the block takes longer: what waits for an answer then raises.

    The error is psycopg's OperationalError, as of a connection that is closed already. A server
    that is stopped by a signal closes nothing, and no timeout of PostgreSQL or of a unix socket
    would end the wait.
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
