"""A PgBouncer of a run's own, in front of the server: transaction mode, with a pool of one size.

It listens at a Unix socket in a folder that no other user can enter, and logs in to the server as
the database URL does. https://www.pgbouncer.org/config.html
"""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from bench.model.errors import BenchError
from bench.server import settings
from bench.server.account import Account, account_for_caller
from bench.server.process import PORT
from bench.server.url import build, parse, redact

LISTENING_PORT = 6432

_TIMEOUT_S = 10
_KEEPS_PREPARED = (1, 21)
"""The version from which prepared statements follow a client to another server connection:
https://www.pgbouncer.org/changelog.html#pgbouncer-121x"""

# PgBouncer ends with this shell, and the shell with its stdin: with the command, whatever ends it.
# SIGKILL, because other signals let it wait for its clients from version 1.23 on.
_KEEPER = """
exec 3<&0
"$@" &
program=$!
{ cat <&3; kill -KILL $program; } >/dev/null 2>&1 &
wait $program
"""


@dataclass(frozen=True)
class Program:
    """PgBouncer as it is installed."""

    path: str
    version: str
    """The version, such as `1.18.0`."""

    @property
    def keeps_prepared(self) -> bool:
        """Whether a client's prepared statements follow it to another server connection."""
        return tuple(int(part) for part in self.version.split(".")[:2]) >= _KEEPS_PREPARED


@cache
def installed() -> Program | None:
    """Return the PgBouncer of this machine; None if there is none, or if it cannot be run."""
    folders = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    path = shutil.which("pgbouncer", path=folders)
    if path is None:
        return None
    with suppress(OSError):
        done = subprocess.run([path, "--version"], capture_output=True, text=True)
        if found := re.search(r"PgBouncer (\d+\.\d+(?:\.\d+)?)", done.stdout + done.stderr):
            return Program(path, found[1])
    return None


class PgBouncer:
    """A running PgBouncer. A context manager; neither process nor folder is left behind."""

    def __init__(self, program: Program, url: str, size: int) -> None:
        """Start it in front of the server of this libpq URL, with `size` server connections.

        Raises `BenchError` if it cannot log in as the URL does, or if it does not start.
        """
        self._url = url
        account = account_for_caller()
        lines = _configuration(program, url, size)
        self._folder = Path(tempfile.mkdtemp(prefix="gatherbench-pgbouncer-"))
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._start(program, account, lines)
        except BaseException:
            self.end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def url(self, url: str) -> str:
        """Return a driver's URL of the server in the form that leads through this PgBouncer."""
        return _behind(url, self._folder)

    def end(self) -> None:
        """End the process and remove its folder."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_TIMEOUT_S)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, program: Program, account: Account, lines: list[str]) -> None:
        file, log = self._folder / "pgbouncer.ini", self._folder / "log"
        file.touch(mode=0o600)
        file.write_text("\n".join([*lines, f"unix_socket_dir = {self._folder}", ""]))
        log.touch(mode=0o600)
        if account.switched:  # PgBouncer does not run as root, as PostgreSQL
            for path in (file, log, self._folder):
                os.chown(path, account.uid, account.gid)
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _KEEPER, "sh", program.path, str(file)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the command, which then ends this one
                **account.subprocess_options,
            )
        self._wait(log)
        file.unlink()  # it has the password, and is read only at the start

    def _wait(self, log: Path) -> None:
        """Wait until it answers. Raises `BenchError` if it ends, or refuses for too long."""
        import psycopg

        assert self._process is not None
        until = time.monotonic() + _TIMEOUT_S
        while True:
            # Asked before: it may begin to listen just after a refusal that it did not give.
            listens = _listens(self._folder / f".s.PGSQL.{LISTENING_PORT}")
            try:
                with psycopg.connect(self.url(self._url), connect_timeout=_TIMEOUT_S) as connection:
                    settings.check(connection, "PgBouncer")
                return
            except psycopg.Error as error:
                ended = self._process.poll() is not None
                if ended or listens or time.monotonic() > until:
                    raise self._failure(error, log) from None
            time.sleep(0.02)

    def _failure(self, error: Exception, log: Path) -> BenchError:
        text = log.read_text(errors="replace").strip().splitlines()
        told = [line for line in text if re.search(r"ERROR|FATAL|WARNING|failed", line)]
        reason = redact((told or [str(error).strip()])[-1].splitlines()[0], self._url)
        return BenchError(
            f"PgBouncer cannot be put in front of the server: {reason}.\n"
            "Leave it out with --no-pgbouncer."
        )


def _listens(path: Path) -> bool:
    """Return whether a server accepts connections at this socket. The file is there before."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def console(url: str) -> str:
    """Return the URL of the admin console of the PgBouncer that a libpq URL leads to."""
    parameters = {name: value for name, value in parse(url).items() if name != "options"}
    return build({**parameters, "dbname": "pgbouncer"})


def _behind(url: str, folder: Path) -> str:
    kept = {
        name: value
        for name, value in parse(url).items()
        if not name.startswith("ssl") and name not in ("hostaddr", "password", "channel_binding")
    }
    return build({**kept, "host": str(folder), "port": str(LISTENING_PORT)})


def _configuration(program: Program, url: str, size: int) -> list[str]:
    """Return the lines of its file. Raises `BenchError` for a URL that it cannot log in by."""
    parameters = parse(url)
    own = settings.options(settings.PINNED)
    if parameters.get("options", own) != own:
        raise _not_by("options, which PgBouncer does not pass on")
    if "sslcert" in parameters:
        raise _not_by("a client certificate")
    host = parameters.get("hostaddr") or parameters.get("host", "")
    login = {
        "host": host.split(",")[0] or "localhost",
        "port": parameters.get("port", "").split(",")[0] or str(PORT),
        "user": parameters.get("user", ""),
        "password": parameters.get("password", ""),
    }
    if "\n" in "".join(login.values()):
        raise _not_by("a line break")
    words = (f"{name}={_quoted(value)}" for name, value in login.items() if value)
    lines = [
        "[databases]",
        f"* = {' '.join(words)}",
        "[pgbouncer]",
        "pool_mode = transaction",
        f"default_pool_size = {size}",
        "listen_addr =",
        f"listen_port = {LISTENING_PORT}",
        "auth_type = any",
        "max_client_conn = 2000",
        "server_idle_timeout = 0",
        # A busy pool asks no connection whether it is alive. Between two turns it would be idle.
        "server_check_delay = 3600",
        "log_connections = 0",
        "log_disconnections = 0",
        "ignore_startup_parameters = extra_float_digits,options,search_path",
    ]
    if program.keeps_prepared:
        lines.append("max_prepared_statements = 200")
    return lines + _tls(parameters, host)


def _tls(parameters: dict[str, str], host: str) -> list[str]:
    """Return the lines that encrypt the way to the server as the URL does."""
    mode = parameters.get("sslmode", "prefer")
    if host.startswith("/") or mode in ("disable", "allow"):
        return []
    if mode == "verify-full" and "hostaddr" in parameters:
        raise _not_by("hostaddr together with sslmode=verify-full")
    lines = [f"server_tls_sslmode = {mode}"]
    if root := parameters.get("sslrootcert"):
        lines.append(f"server_tls_ca_file = {root}")
    return lines


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _not_by(what: str) -> BenchError:
    return BenchError(
        f"PgBouncer cannot be put in front of the server: its URL has {what}.\n"
        "Leave it out with --no-pgbouncer."
    )


def server_connections(rows: list[dict[str, Any]]) -> int:
    """Return the server connections in the rows of `SHOW POOLS`, without those of the console."""
    states = ("sv_active", "sv_idle", "sv_used", "sv_tested", "sv_login")
    return sum(
        int(row[state]) for row in rows if row["database"] != "pgbouncer" for state in states
    )
