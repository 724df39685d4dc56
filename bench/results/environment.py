"""The environment of a run: versions, host, server, backends. It never holds a secret."""

import os
import platform
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import Distribution, PackageNotFoundError, distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accessors import Found
from bench.results.header import BackendFacts, Environment, Git, Host, Server
from bench.server.database import Database
from bench.server.pooler import Pooler

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
    connection: "psycopg.Connection[Any]",
    database: Database,
    local_server: bool,
    pooler: Pooler | None = None,
) -> Environment:
    """Return the environment of a run, for the header of its file."""
    return Environment(
        host=host(),
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        gil=getattr(sys, "_is_gil_enabled", lambda: True)(),
        gatherbench=_version("gatherbench"),
        git=_git(),
        server=_server(connection, database, local_server, pooler),
    )


def describe(
    backends: Mapping[str, Found], connect: Mapping[str, Sequence[str]] | None = None
) -> dict[str, BackendFacts]:
    """Return each backend's facts for charts, its fairness card, and its packages' versions.

    `connect`: backend -> the texts of the ways in which its cases connect, for the card.
    """
    found = [result.backend for result in backends.values() if result.backend is not None]
    owners = _owners({module for backend in found for module in backend.requires})
    described = {}
    for name, discovered in backends.items():
        backend = discovered.backend
        if backend is None:
            continue
        packages = {owners[module] for module in backend.requires if module in owners}
        described[name] = BackendFacts(
            colour=backend.mode,
            layer=backend.layer,
            driver=backend.driver,
            card=dict(backend.card) | _set((connect or {}).get(name, ())),
            versions={package: _version(package) for package in sorted(packages)},
        )
    return described


def _owners(modules: Collection[str]) -> dict[str, str]:
    """Return module -> the installed package that holds it.

    `importlib.metadata.packages_distributions()` would make an object for each of 30,000 files:
    0.17 s of CPU in every run, where this takes a third.
    """
    owners: dict[str, str] = {}
    for distribution in distributions():
        for module in _top_level(distribution) & (set(modules) - owners.keys()):
            owners[module] = distribution.metadata["Name"]
    return owners


def _top_level(distribution: Distribution) -> set[str]:
    """Return the names that a package adds to the imports, by its list of them or of its files."""
    if names := distribution.read_text("top_level.txt"):
        return set(names.split())
    files = (
        line.partition(",")[0] for line in (distribution.read_text("RECORD") or "").split("\n")
    )
    return {file.partition("/")[0].removesuffix(".py") for file in files}


def _set(ways: Sequence[str]) -> dict[str, str]:
    """Return the card's point on `--connect`, if anything is set."""
    if not any(ways):
        return {}
    return {"connect": " or ".join(way.replace(",", ", ") or "none" for way in ways)}


def packages(*names: str) -> dict[str, str]:
    """Return package -> version; `unknown` for a package that is not installed."""
    return {name: _version(name) for name in names}


def host() -> Host:
    """Return the facts about this machine."""
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
    if hasattr(os, "sched_getaffinity"):  # the cores that this process may use, as in a container
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _cpu() -> dict[str, str]:
    """Return the CPU's name, and its generation if the kernel has it: cloud CPUs share a name."""
    cpuinfo: dict[str, str] = {}
    with suppress(OSError), Path("/proc/cpuinfo").open() as lines:
        for line in lines:
            name, _, value = line.partition(":")
            cpuinfo.setdefault(name.strip(), value.strip())
    facts = {"cpu": cpuinfo.get("model name") or platform.processor() or platform.machine()}
    if "cpu family" in cpuinfo and "model" in cpuinfo:
        facts["cpu_generation"] = f"family {cpuinfo['cpu family']}, model {cpuinfo['model']}"
    return facts


def _server(
    connection: "psycopg.Connection[Any]",
    database: Database,
    local_server: bool,
    pooler: Pooler | None,
) -> Server:
    names = list(_SETTINGS)
    # Read the settings in a session like a backend's, which has those of the role and the URL.
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
        # The path of a socket is left out: it would show the user's folders.
        url=None if by_socket else database.safe_url,
        transport="unix socket" if by_socket else "tcp",
        local=local_server,
        pooler=pooler.mode if pooler else None,
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
