"""The process of a server: its pid file, and checks whether it runs and answers."""

import contextlib
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.server.url import build
from bench.system.folder import Folder

if TYPE_CHECKING:
    import psutil

PID_FILE = "postmaster.pid"
PORT = 5432
SOCKET = f".s.PGSQL.{PORT}"
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


@dataclass(frozen=True)
class Postmaster:
    """The content of `postmaster.pid`. The file may be stale: check `is_alive` or `answers`."""

    pid: int
    data: Path
    socket_folder: Path | None
    ready: bool

    @property
    def url(self) -> str:
        """The URL of its database `postgres`, through the socket."""
        # The URL names the port, because otherwise the variable PGPORT would set it.
        where = {"host": str(self.socket_folder), "port": str(PORT)}
        return build({"user": "postgres", "dbname": "postgres", **where})

    @property
    def is_alive(self) -> bool:
        """Whether the process runs and is this data's server, not a later process with its pid."""
        import psutil

        try:
            return _serves(psutil.Process(self.pid), self.data)
        except psutil.Error:
            return False

    @property
    def has_socket(self) -> bool:
        """Whether its socket still exists."""
        return self.socket_folder is not None and (self.socket_folder / SOCKET).exists()

    @property
    def answers(self) -> bool:
        """Whether the server is ready, and speaks PostgreSQL's protocol on the socket."""
        return self.ready and self.socket_folder is not None and _speaks(self.socket_folder)


def read_postmaster(data: Folder) -> Postmaster | None:
    """Return the server named by the pid file in `data`; None if the file is missing or partial."""
    try:
        lines = (data.read(PID_FILE) or b"").decode().splitlines()
        pid = abs(int(lines[0]))
    except (OSError, ValueError, IndexError):
        return None
    socket_folder = Path(lines[4]) if len(lines) > 4 and lines[4] else None
    ready = len(lines) > 7 and lines[7].strip() == "ready"
    return Postmaster(pid, data.path, socket_folder, ready)


def end_remains(data: Folder) -> None:
    """Remove the remains of a killed server: its orphaned processes and its pid file.

    Otherwise PostgreSQL refuses to start while any process of the same user has the pid in the
    file, or while an orphan holds the shared memory.
    """
    import psutil

    orphans = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if _serves(process, data.path):
                process.kill()
                orphans.append(process)
    psutil.wait_procs(orphans, timeout=10)
    data.remove(PID_FILE)


def _serves(process: "psutil.Process", data: Path) -> bool:
    import psutil

    if not process.name().startswith("postgres") or process.status() == psutil.STATUS_ZOMBIE:
        return False
    return Path(process.cwd()) == data  # every PostgreSQL process works in its data folder


def _speaks(socket_folder: Path) -> bool:
    """Return whether a request for TLS is answered: every server does so with one byte."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(socket_folder / SOCKET))
            client.sendall(_SSL_REQUEST)
            return client.recv(1) in (b"N", b"S")
        except OSError:
            return False
