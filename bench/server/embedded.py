"""The embedded PostgreSQL: its files, its settings, its life from initdb to stop.

It listens on a unix socket only, and the kernel vouches for who connects: no password is needed.
"""

import contextlib
import os
import shlex
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from bench.model.errors import BenchError
from bench.server.account import Account, account_for
from bench.server.process import PORT, Postmaster, end_remains, read_postmaster
from bench.server.programs import MAJOR_VERSION, binary, run, version
from bench.server.socket import socket_folder
from bench.system.home import home

# The largest profile holds 64 connections, and for a moment the next case's 64 beside them; the
# rest is for verification, monitoring and psql. PostgreSQL's own default of 100 is too few.
MAX_CONNECTIONS = 200

# Every setting that differs from PostgreSQL's defaults; docker-compose.yml is tested against it.
SERVER_SETTINGS = {"max_connections": str(MAX_CONNECTIONS)}

# Byte order and UTF-8 on every machine, so that the same rows sort the same everywhere.
INITDB_OPTIONS = ("--encoding=UTF8", "--locale=C")

_TIMEOUT_S = 60


@dataclass(frozen=True)
class ServerStatus:
    running: bool
    pid: int | None
    version: str
    url: str | None
    data_folder: Path
    socket_folder: Path | None


def default_folder() -> Path:
    """Where the project's own server keeps its files."""
    return home() / ".gatherbench" / f"postgres{MAJOR_VERSION}"


class EmbeddedServer:
    """One PostgreSQL on a unix socket, for the user who starts it and nobody else.

    `folder` holds everything: `data`, `socket`, `server.log` and `lock`. Every method may be called
    by several processes at once.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"

    def start(self) -> str:
        """Start the server unless it runs, creating its data when new, and return its URL.

        It stays when this process ends. What a crash left behind is cleared away first.
        """
        account = account_for(self.folder)
        if running := self._answering(account):
            return _url(running)
        programs = binary("pg_ctl")
        with self._locked(account) as lock:
            account.let_through([self.folder, programs])
            if running := self._settled(account):
                return _url(running)
            self._end(account)
            self._initialise(account, lock)
            self._launch(account)
            if running := self._answering(account):
                return _url(running)
        raise BenchError(f"the embedded server started but does not answer; see {self.log}.")

    def stop(self) -> bool:
        """Shut the server down, ending its connections. True if it was running."""
        account = account_for(self.folder)
        if not self.data.exists():
            return False
        with self._locked(account):
            return self._end(account)

    def status(self) -> ServerStatus:
        """How it is now. Starts and changes nothing."""
        account_for(self.folder)
        found = read_postmaster(self.data)
        if found is None or not found.is_alive:
            return ServerStatus(False, None, version(), None, self.data, None)
        url = _url(found) if found.answers else None
        return ServerStatus(True, found.pid, version(), url, self.data, found.socket_folder)

    def _answering(self, account: Account) -> Postmaster | None:
        """The running server, if it answers in a socket folder that only its account can enter."""
        found = read_postmaster(self.data)
        safe = found is not None and self._is_private(found, account)
        return found if found is not None and safe and found.answers else None

    @staticmethod
    def _is_private(found: Postmaster, account: Account) -> bool:
        return found.socket_folder is not None and account.owns_privately(found.socket_folder)

    def _settled(self, account: Account) -> Postmaster | None:
        """The running server, once it answers; None when there is none, or none to be reached.

        A server that is starting, or too busy to answer at once, is waited for, never ended.
        """
        deadline = time.monotonic() + _TIMEOUT_S
        while (found := read_postmaster(self.data)) and found.is_alive:
            if running := self._answering(account):
                return running
            lost = found.ready and not (found.has_socket and self._is_private(found, account))
            if lost or time.monotonic() > deadline:
                return None
            time.sleep(0.02)
        return None

    @contextlib.contextmanager
    def _locked(self, account: Account) -> Iterator[int]:
        """Let one process at a time start or stop this server; BenchError if files can't be kept.

        Gives the lock's file, which holds the lock for as long as any process has it open.
        """
        import fcntl

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            account.own(self.folder)
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                account.own(lock)
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield lock
            finally:
                os.close(lock)
        except OSError as error:
            raise BenchError(
                f"cannot keep the embedded server's files in {self.folder} ({error}).\n"
                "Set GATHERBENCH_HOME to a folder you can write to, or pass --database-url."
            ) from error

    def _initialise(self, account: Account, lock: int) -> None:
        """Create the data folder, whole or not at all; check the version of one that exists."""
        if self.data.exists():
            marker = self.data / "PG_VERSION"
            major = marker.read_text().strip() if marker.exists() else "unknown"
            if major != str(MAJOR_VERSION):
                raise BenchError(
                    f"{self.data} holds data of PostgreSQL {major}, the server is "
                    f"{MAJOR_VERSION}.\nMove that folder away; the rows are made anew."
                )
            return
        partial = self.folder / "data.partial"
        if partial.exists():
            shutil.rmtree(partial)
        # initdb outlives a killed caller: it holds the lock itself, so that nobody works beside it.
        options = ["--username=postgres", "--auth=peer", *INITDB_OPTIONS]
        done = run(account, self.folder, "initdb", "-D", partial.name, *options, keep_open=lock)
        if done.returncode:
            raise BenchError(f"initdb failed in {self.folder}:\n{_tail(done.stderr)}")
        partial.rename(self.data)

    def _launch(self, account: Account) -> None:
        self._write_access_rules(account)
        sockets = socket_folder(self.folder, account)
        for left in sockets.glob(".s.PGSQL.*"):
            left.unlink()  # its lock file names a pid that somebody else may have by now
        settings = {
            **SERVER_SETTINGS,
            "port": str(PORT),
            "listen_addresses": "",
            "unix_socket_directories": f'"{sockets}"',
            "unix_socket_permissions": "0700",
        }
        options = shlex.join(f"--{name}={value}" for name, value in settings.items())
        before = self.log.stat().st_size if self.log.exists() else 0
        wait = ["-w", "-s", "-t", str(_TIMEOUT_S)]
        start = ["-D", self.data.name, "-l", self.log.name, *wait, "-o", options, "start"]
        done = run(account, self.folder, "pg_ctl", *start)
        if done.returncode and not self._answering(account):
            said = (
                self.log.read_bytes()[before:].decode(errors="replace") if self.log.exists() else ""
            )
            raise BenchError(
                f"the embedded server did not start; {self.log} ends with:\n"
                f"{_tail(said or done.stderr)}"
            )

    def _end(self, account: Account) -> bool:
        """End the server and all that a killed one left. True if it was running."""
        found = read_postmaster(self.data)
        running = found is not None and found.is_alive
        for mode in ("fast", "immediate") if running else ():
            stop = ["-D", self.data.name, "-w", "-s", "-t", str(_TIMEOUT_S), "-m", mode, "stop"]
            if run(account, self.folder, "pg_ctl", *stop).returncode == 0:
                break
        end_remains(self.data)
        return running

    def _write_access_rules(self, account: Account) -> None:
        """Admit the account's own users by what the kernel says of them, as the one superuser."""
        self._replace(account, "pg_hba.conf", "local all postgres peer map=gatherbench\n")
        rules = (f'gatherbench "{user}" postgres\n' for user in account.admitted)
        self._replace(account, "pg_ident.conf", "".join(rules))

    def _replace(self, account: Account, name: str, text: str) -> None:
        new = self.data / f"{name}.new"
        new.unlink(missing_ok=True)
        with new.open("x") as file:
            file.write(text)
        account.own(new)
        new.replace(self.data / name)


def _url(running: Postmaster) -> str:
    # The port is named because PGPORT, where set, would stand in for one that is not.
    return f"postgresql://postgres@/postgres?host={quote(str(running.socket_folder))}&port={PORT}"


def _tail(text: str, lines: int = 8) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])
