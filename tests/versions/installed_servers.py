"""PostgreSQL servers that this machine has, by their major version, and one started from them."""

import os
import re
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.server.account import Account, account_for_caller

VARIABLE = "GATHERBENCH_TEST_SERVERS"
"""Names further folders of programs, separated as in PATH; `nox -s servers` sets it."""

PLACES = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # the PostgreSQL project's packages for Red Hat, SUSE
    "/usr/local/opt/postgresql@*/bin",  # Homebrew
    "/opt/homebrew/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
PASSWORD = "secret"


def installed_servers() -> dict[int, Path]:
    """Return the folder of programs of each major version; a folder named in VARIABLE wins."""
    folders = [path for place in PLACES for path in Path("/").glob(place.lstrip("/"))]
    folders += [Path(name) for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name]
    return {_major_version(folder): folder for folder in folders if (folder / "initdb").exists()}


def _major_version(programs: Path) -> int:
    said = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True)
    numbers = re.search(r"\) (\d+)", said.stdout)
    assert numbers, said
    return int(numbers[1])


@contextmanager
def running_server(programs: Path) -> Iterator[str]:
    """Start a new server that listens on TCP and asks for a password; give its URL.

    The server and its files are gone at the end.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="gatherbench-test-") as name:
        folder = Path(name) / "server"
        folder.mkdir(mode=0o700)
        account = account_for_caller()
        account.let_through([programs / "initdb", folder])
        (folder / "password").write_text(PASSWORD)
        for path in (folder / "password", folder):
            os.chown(path, account.uid, account.gid)
        where = ["-D", "data"]
        access = ["--username=postgres", "--auth=scram-sha-256", "--pwfile=password"]
        _run(account, folder, programs / "initdb", *where, *access, "--encoding=UTF8", "--locale=C")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        wait = ["-w", "-s", "-l", "log"]
        _run(account, folder, programs / "pg_ctl", *where, *wait, "-o", options, "start")
        try:
            yield f"postgresql://postgres:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            _run(account, folder, programs / "pg_ctl", *where, "-w", "-s", "-m", "fast", "stop")


def _run(account: Account, folder: Path, program: Path, *arguments: str) -> None:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    with (folder.parent / "said").open("w+") as said:  # a pipe would stay open with the server
        done = subprocess.run(
            [program, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            **account.subprocess_options,
        )
        said.seek(0)
        assert done.returncode == 0, said.read()
