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
def new_database(server: EmbeddedServer, template: str = "template1") -> Iterator[Database]:
    """Create a database, empty or a copy of `template`, and drop it at the end.

    Where nothing is written, a module's tests can share it. Nobody may be connected to a template.
    """
    maintenance = Database(server.start())
    name = f"test_{os.getpid()}_{next(_number)}"
    with maintenance.connect() as connection:
        connection.execute(f"create database {name} template {template}")
    yield Database(changed(maintenance.url, dbname=name))
    with maintenance.connect() as connection:
        connection.execute(f"drop database {name} with (force)")
