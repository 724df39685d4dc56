"""The number of connections that the embedded server takes."""

import re

from bench.model.errors import BenchError
from bench.server.files import DATA
from bench.server.process import Postmaster
from bench.system.folder import Folder

MAX_CONNECTIONS = 300
"""The setting `max_connections`, unless a plan needs more. All backends at one concurrency stay
connected, so that a turn does not begin with cold connections: 14 cases of 16 clients hold 224.
With 200, each of their turns opened its connections anew."""

_SPARE = 72
"""Connections for verification, monitoring and psql, and those that are reserved."""

_COMMAND_LINE = "postmaster.opts"
"""The file in which a server keeps the command line that started it."""

_OTHERS = """
    select count(*)::int from pg_stat_activity
    where backend_type = 'client backend' and pid <> pg_backend_pid()
"""


def max_connections(clients: int) -> int:
    """Return the `max_connections` with which so many clients can be measured."""
    return max(MAX_CONNECTIONS, 2 * clients + _SPARE)


def has_room(folder: Folder, clients: int) -> bool:
    """Return whether the server that runs in the folder was started for so many clients."""
    if max_connections(clients) <= MAX_CONNECTIONS:
        return True
    with folder.folder(DATA) as data:
        command_line = (data.read(_COMMAND_LINE) or b"").decode(errors="replace")
    given = re.findall(r"--max_connections=(\d+)", command_line)
    return bool(given) and int(given[-1]) >= max_connections(clients)


def check_unused(server: Postmaster, clients: int) -> None:
    """Raise `BenchError` if others have connections to a server that has to be restarted."""
    import psycopg

    try:
        with psycopg.connect(server.url) as connection:
            row = connection.execute(_OTHERS).fetchone()
    except psycopg.OperationalError:  # too many clients already
        row = None
    if row is None or row[0]:
        raise BenchError(
            f"{clients} connections are needed, and the embedded server would have to be restarted "
            "for them, but others are connected to it.\n"
            "Wait until they have ended, lower --concurrency, or type `bench db stop`."
        )
