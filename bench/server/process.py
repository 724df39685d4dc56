"""What is known of a server's process: its pid file, and whether it lives and answers."""

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
    """What `postmaster.pid` says. The file may be stale: ask `is_alive` or `answers`."""

    pid: int
    data: Path
    socket_folder: Path | None
    ready: bool

    @property
    def url(self) -> str:
        """The URL of its database `postgres`, by the socket."""
        # The port is named because PGPORT, where set, would stand in for one that is not.
        where = {"host": str(self.socket_folder), "port": str(PORT)}
        return build({"user": "postgres", "dbname": "postgres", **where})

    @property
    def is_alive(self) -> bool:
        """Whether that process runs and is this data's server, not a later owner of its pid."""
        import psutil

        try:
            return _serves(psutil.Process(self.pid), self.data)
        except psutil.Error:
            return False

    @property
    def has_socket(self) -> bool:
        """Whether its socket is still where it put it."""
        return self.socket_folder is not None and (self.socket_folder / SOCKET).exists()

    @property
    def answers(self) -> bool:
        """Whether a server that is ready speaks PostgreSQL's protocol on the socket."""
        return self.ready and self.socket_folder is not None and _speaks(self.socket_folder)


def read_postmaster(data: Folder) -> Postmaster | None:
    """The server that `data` says it has; None without a pid file, or with a half-written one."""
    try:
        lines = (data.read(PID_FILE) or b"").decode().splitlines()
        pid = abs(int(lines[0]))
    except (OSError, ValueError, IndexError):
        return None
    socket_folder = Path(lines[4]) if len(lines) > 4 and lines[4] else None
    ready = len(lines) > 7 and lines[7].strip() == "ready"
    return Postmaster(pid, data.path, socket_folder, ready)


def end_remains(data: Folder) -> None:
    """End what a killed server left: its orphaned processes and its pid file.

    PostgreSQL itself would refuse to start for as long as any process of the same user has the pid
    in the file, or an orphan still holds the shared memory.
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
    """Ask for TLS, which every server answers with one byte, long before any login."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(socket_folder / SOCKET))
            client.sendall(_SSL_REQUEST)
            return client.recv(1) in (b"N", b"S")
        except OSError:
            return False
