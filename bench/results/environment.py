"""Where the numbers come from: versions, host, server, backends. Never a secret."""

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accessors import Found
from bench.results.header import BackendFacts, Environment, Git, Host, Server
from bench.server.database import Database

if TYPE_CHECKING:
    import psycopg

_SETTINGS = (
    "max_connections",
    "shared_buffers",
    "work_mem",
    "effective_cache_size",
    "fsync",
    "synchronous_commit",
    "wal_level",
    "jit",
    "io_method",
    "plan_cache_mode",
    "default_transaction_isolation",
    "ssl",
)


def collect(
    connection: "psycopg.Connection[Any]", database: Database, local_server: bool
) -> Environment:
    """The environment of a run, as it stands in the header of its file."""
    return Environment(
        host=_host(),
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        gil=getattr(sys, "_is_gil_enabled", lambda: True)(),
        gatherbench=_version("gatherbench"),
        git=_git(),
        server=_server(connection, database, local_server),
    )


def describe(backends: Mapping[str, Found]) -> dict[str, BackendFacts]:
    """For each backend what charts need and the fairness card, with the versions it runs on."""
    owners = packages_distributions()
    described = {}
    for name, found in backends.items():
        backend = found.backend
        if backend is None:
            continue
        packages = {owners[module][0] for module in backend.requires if module in owners}
        described[name] = BackendFacts(
            colour=backend.colour,
            layer=backend.layer,
            driver=backend.driver,
            card=dict(backend.card),
            versions={package: _version(package) for package in sorted(packages)},
        )
    return described


def packages(*names: str) -> dict[str, str]:
    """Their versions."""
    return {name: _version(name) for name in names}


def _host() -> Host:
    import psutil

    return Host(
        system=f"{platform.system()} {platform.release()}",
        machine=platform.machine(),
        **_cpu(),
        cores=_cores(),
        memory_bytes=psutil.virtual_memory().total,
        load_1min=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    )


def _cores() -> int | None:
    if hasattr(os, "sched_getaffinity"):  # what this process may use, as in a container
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _cpu() -> dict[str, str]:
    """Its name, and where the kernel tells it the generation: rented ones all have one name."""
    told: dict[str, str] = {}
    with suppress(OSError), Path("/proc/cpuinfo").open() as lines:
        for line in lines:
            name, _, value = line.partition(":")
            told.setdefault(name.strip(), value.strip())
    found = {"cpu": told.get("model name") or platform.processor() or platform.machine()}
    if "cpu family" in told and "model" in told:
        found["cpu_generation"] = f"family {told['cpu family']}, model {told['model']}"
    return found


def _server(
    connection: "psycopg.Connection[Any]", database: Database, local_server: bool
) -> Server:
    names = list(_SETTINGS)
    # Settings of a role or of the URL differ from ours: they are those of a backend's session.
    with database.connect(as_backend=True) as backend:
        settings = backend.execute(
            "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s)"
            " ORDER BY name",
            [names],
        ).fetchall()
        changed = backend.execute(
            "SELECT name, current_setting(name) FROM pg_settings WHERE source NOT IN"
            " ('default', 'override', 'session') AND NOT name = ANY(%s)"
            " AND name !~ 'file|directory|dir|path|host|address|port|title|name|conninfo|command'"
            " AND name <> 'client_encoding' ORDER BY name",
            [names],
        ).fetchall()
    info = connection.info
    by_socket = info.host.startswith("/")
    return Server(
        version=info.parameter_status("server_version"),
        # Of a socket, the path is nobody's business: it has the user's folders in it.
        url=None if by_socket else database.safe_url,
        transport="unix socket" if by_socket else "tcp",
        local=local_server,
        settings=dict(settings),
        changed_settings=dict(changed),
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _git() -> Git | None:
    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=5,
        ).stdout.strip()

    try:
        return Git(revision=git("rev-parse", "HEAD"), changed=bool(git("status", "--porcelain")))
    except (OSError, subprocess.SubprocessError):
        return None
