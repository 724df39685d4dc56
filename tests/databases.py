"""Databases of the tests' own server."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager

from bench.server.database import Database
from bench.server.embedded import EmbeddedServer
from bench.server.url import changed

_number = itertools.count(1)


@contextmanager
def new_database(server: EmbeddedServer, *, durable: bool = True) -> Iterator[Database]:
    """An empty one, gone at the end. Where nothing is written, a module's tests can share it.

    Not `durable`, it need not survive a power cut: many small commits are then fast.
    """
    maintenance = Database(server.start())
    name = f"test_{os.getpid()}_{next(_number)}"
    with maintenance.connect() as connection:
        connection.execute(f"create database {name}")
        if not durable:
            connection.execute(f"alter database {name} set synchronous_commit = off")
    yield Database(changed(maintenance.url, dbname=name))
    with maintenance.connect() as connection:
        connection.execute(f"drop database {name} with (force)")
