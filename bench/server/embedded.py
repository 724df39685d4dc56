"""The embedded PostgreSQL: its files, its settings, and its commands from initdb to stop.

It listens on a unix socket only. The kernel tells it which user connects, so it needs no password.
"""

import contextlib
import logging
import os
import shlex
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.model.errors import BenchError
from bench.server.account import Account, account_for_caller
from bench.server.capacity import MAX_CONNECTIONS, check_unused, has_room, max_connections
from bench.server.files import (
    DATA,
    LOG,
    PARTIAL_DATA,
    admit,
    open_lock,
    postmaster,
    take_over,
)
from bench.server.place import enter
from bench.server.process import PORT, Postmaster, end_remains
from bench.server.programs import MAJOR_VERSION, binary, run, version
from bench.server.socket import socket_folder
from bench.system.folder import Folder
from bench.system.home import home

log = logging.getLogger(__name__)

# Every setting that differs from PostgreSQL's defaults; docker-compose.yml is tested against it.
SERVER_SETTINGS = {"max_connections": str(MAX_CONNECTIONS)}

# Byte order and UTF-8 on every machine, so that the same rows have the same order everywhere.
INITDB_OPTIONS = ("--encoding=UTF8", "--locale=C")

_TIMEOUT_S = 60


@dataclass(frozen=True)
class ServerStatus:
    """The state of the embedded server."""

    running: bool
    pid: int | None
    version: str
    url: str | None
    data_folder: Path
    socket_folder: Path | None


def default_folder() -> Path:
    """Return the folder of the project's own server."""
    return home() / ".gatherbench" / f"postgres{MAJOR_VERSION}"


class EmbeddedServer:
    """One PostgreSQL server on a unix socket, only for the user who starts it.

    `folder` holds all files: `data`, `socket`, `server.log` and `lock`. Several processes may call
    a method at once. Every method raises `BenchError` if another user could change the content of
    the folder (`bench.server.place`).
    """

    def __init__(self, folder: Path) -> None:
        self._named = folder.absolute()
        self.folder = Path(os.path.realpath(folder))
        self.data = self.folder / "data"
        self.log = self.folder / LOG

    def start(self, clients: int = 0) -> str:
        """Start the server if it is not running, create its data if missing, and return its URL.

        The server keeps running when this process ends. Remains of a crash are removed first. If it
        runs with too few connections for so many `clients`, it is restarted, and that is logged.
        Raises `BenchError` if others are connected to it then.
        """
        account = account_for_caller()
        with self._entered(account) as folder:
            if folder and (running := _answering(folder, account)) and has_room(folder, clients):
                return running.url
        programs = binary("pg_ctl")
        with self._locked(account) as (folder, lock):
            account.let_through([folder.path, programs])
            if running := self._wait_until_ready(folder, account):
                if has_room(folder, clients):
                    return running.url
                check_unused(running, clients)
                log.warning(
                    "the embedded server is restarted with max_connections = %d for %d clients",
                    max_connections(clients),
                    clients,
                )
            self._end(folder, account)
            self._initialise(folder, account, lock)
            self._launch(folder, account, clients)
            if running := _answering(folder, account):
                return running.url
        raise BenchError(f"the embedded server started but does not answer; see {self.log}.")

    def stop(self) -> bool:
        """Stop the server and end its connections. Return whether it was running."""
        account = account_for_caller()
        with self._entered(account) as folder:
            if folder is None or folder.status(DATA) is None:
                return False
        with self._locked(account) as (folder, _):
            return self._end(folder, account)

    def status(self) -> ServerStatus:
        """Return the state of the server. Starts and changes nothing."""
        with self._entered(account_for_caller()) as folder:
            server = postmaster(folder) if folder else None
        if server is None or not server.is_alive:
            return ServerStatus(False, None, version(), None, self.data, None)
        url = server.url if server.answers else None
        return ServerStatus(True, server.pid, version(), url, self.data, server.socket_folder)

    def _wait_until_ready(self, folder: Folder, account: Account) -> Postmaster | None:
        """Return the running server once it answers; None if none runs or it cannot be reached.

        A server that is starting, or too busy to answer at once, is waited for and never ended.
        """
        deadline = time.monotonic() + _TIMEOUT_S
        while (server := postmaster(folder)) and server.is_alive:
            if running := _answering(folder, account):
                return running
            lost = server.ready and not (server.has_socket and _is_private(server, account))
            if lost or time.monotonic() > deadline:
                return None
            time.sleep(0.02)
        return None

    @contextlib.contextmanager
    def _entered(self, account: Account) -> Iterator[Folder | None]:
        """Give the server's folder, or None if it does not exist yet."""
        folder = enter(self._named, account.users)
        try:
            yield folder
        except OSError as error:
            raise self._cannot_keep_files(error) from error
        finally:
            if folder is not None:
                folder.close()

    @contextlib.contextmanager
    def _locked(self, account: Account) -> Iterator[tuple[Folder, int]]:
        """Let only one process at a time start or stop this server.

        Gives the folder, created if missing, and the lock file. The lock is held for as long as any
        process has that file open. Raises `BenchError` if the files cannot be kept there.
        """
        import fcntl

        folder = enter(self._named, account.users, make=True)
        assert folder is not None, "enter was called with make=True"
        with folder:
            try:
                take_over(folder, account)
                lock = open_lock(folder, account)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX)
                    yield folder, lock
                finally:
                    os.close(lock)
            except OSError as error:
                raise self._cannot_keep_files(error) from error

    def _cannot_keep_files(self, error: OSError) -> BenchError:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return BenchError(
            f"cannot keep the embedded server's files in {self.folder} ({reason}).\n"
            "Set GATHERBENCH_HOME to a folder you can write to, or pass --database-url."
        )

    def _initialise(self, folder: Folder, account: Account, lock: int) -> None:
        """Create the data folder, complete or not at all; check the version of an existing one."""
        if folder.status(DATA) is not None:
            with folder.folder(DATA) as data:
                marker = data.read("PG_VERSION")
            major = marker.decode(errors="replace").strip() if marker is not None else "unknown"
            if major != str(MAJOR_VERSION):
                raise BenchError(
                    f"{self.data} holds data of PostgreSQL {major}, the server is "
                    f"{MAJOR_VERSION}.\nMove that folder away; the rows are made again."
                )
            return
        if folder.status(PARTIAL_DATA) is not None:
            shutil.rmtree(PARTIAL_DATA, dir_fd=folder.descriptor)
        # initdb outlives a killed caller. It holds the lock itself, so no other start can begin.
        options = ["--username=postgres", "--auth=peer", *INITDB_OPTIONS]
        done = run(account, folder, "initdb", "-D", PARTIAL_DATA, *options, keep_open=lock)
        if done.returncode:
            raise BenchError(f"initdb failed in {self.folder}:\n{_tail(done.stderr)}")
        folder.rename(PARTIAL_DATA, DATA)

    def _launch(self, folder: Folder, account: Account, clients: int) -> None:
        with folder.folder(DATA) as data:
            admit(data, account)
        with socket_folder(folder, account) as sockets:
            for name in sockets.names():
                if name.startswith(".s.PGSQL."):
                    sockets.remove(name)  # its lock file may name the pid of another process
        many = max_connections(clients)
        more = {"max_connections": str(many)} if many > MAX_CONNECTIONS else {}
        settings = {
            **SERVER_SETTINGS,
            **more,
            "port": str(PORT),
            "listen_addresses": "",
            "unix_socket_directories": f'"{sockets.path}"',
            "unix_socket_permissions": "0700",
        }
        options = shlex.join(f"--{name}={value}" for name, value in settings.items())
        log = folder.status(LOG)
        wait = ["-w", "-s", "-t", str(_TIMEOUT_S)]
        start = ["-D", DATA, "-l", LOG, *wait, "-o", options, "start"]
        done = run(account, folder, "pg_ctl", *start)
        if done.returncode and not _answering(folder, account):
            log_text = folder.read(LOG, log.st_size if log else 0) or b""
            raise BenchError(
                f"the embedded server did not start; {self.log} ends with:\n"
                f"{_tail(log_text.decode(errors='replace') or done.stderr)}"
            )

    def _end(self, folder: Folder, account: Account) -> bool:
        """End the server and the remains of a killed one. Return whether it was running."""
        server = postmaster(folder)
        running = server is not None and server.is_alive
        for mode in ("fast", "immediate") if running else ():
            stop = ["-D", DATA, "-w", "-s", "-t", str(_TIMEOUT_S), "-m", mode, "stop"]
            if run(account, folder, "pg_ctl", *stop).returncode == 0:
                break
        if folder.status(DATA) is not None:
            with folder.folder(DATA) as data:
                end_remains(data)
        return running


def _answering(folder: Folder, account: Account) -> Postmaster | None:
    """Return the running server if it answers in a socket folder that is private to its account."""
    server = postmaster(folder)
    safe = server is not None and _is_private(server, account)
    return server if server is not None and safe and server.answers else None


def _is_private(server: Postmaster, account: Account) -> bool:
    return server.socket_folder is not None and account.owns_privately(server.socket_folder)


def _tail(text: str, lines: int = 8) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])
