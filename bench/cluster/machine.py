"""The facts about a client machine, and what makes two of them unlike."""

import platform
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.results import environment
from bench.results.header import ClientMachine

_BOOT, _PROCESS_IDS = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
_LIBRARIES = ("distributed", "psycopg", "sqlalchemy")
"""Packages whose versions are compared beside those of the backends."""

DATABASE = """
    SELECT extract(epoch FROM pg_catalog.pg_postmaster_start_time())::text || '/' || oid
    FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
"""
"""A text that tells one server's database from every other."""


@dataclass(frozen=True)
class Facts:
    """The facts that a worker of the cluster tells about itself."""

    machine: ClientMachine
    kernel: str
    """The running kernel and its process ids: equal texts see the same processes."""
    database: str
    """The database that its URL leads to, see `DATABASE`; empty if it has no URL."""
    problem: str = ""
    """The reason why it cannot reach the database; empty if it can."""


def kernel() -> str:
    """Return the running kernel and the namespace of process ids, as a text; empty if unknown."""
    try:
        return f"{_BOOT.read_text().strip()} {_PROCESS_IDS.readlink()}"
    except OSError:
        return ""


def this_machine(name: str, packages: Iterable[str] = ()) -> ClientMachine:
    """Return the facts about the machine and the Python that this process runs on."""
    return ClientMachine(
        name=f"{socket.gethostname()} ({name})" if name else socket.gethostname(),
        workers=1,
        host=environment.host(),
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        gil=getattr(sys, "_is_gil_enabled", lambda: True)(),
        gatherbench=environment.packages("gatherbench")["gatherbench"],
        packages=environment.packages(*sorted({*_LIBRARIES, *packages})),
    )


def together(facts: Sequence[Facts]) -> tuple[ClientMachine, ...]:
    """Return each machine once, with the number of its workers and its least exact clock."""
    machines: dict[tuple[str | None, str], ClientMachine] = {}
    for each in facts:
        place = (each.machine.name, each.kernel)
        known = machines.get(place)
        if known is None:
            machines[place] = each.machine
            continue
        errors = (known.clock_error_ns or 0, each.machine.clock_error_ns or 0)
        machines[place] = replace(known, workers=known.workers + 1, clock_error_ns=max(errors))
    return tuple(machines.values())


def unlike(here: ClientMachine, machines: Iterable[ClientMachine]) -> list[str]:
    """Return a sentence for each way in which a machine is unlike this one or the first."""
    sentences: list[str] = []
    first: ClientMachine | None = None
    for machine in machines:
        first = first or machine
        for what, mine, other in (
            ("Python", _python(here), _python(machine)),
            ("the GIL", here.gil, machine.gil),
            *_versions(here.packages, machine.packages),
        ):
            if mine != other:
                sentences.append(f"{machine.name} has {what} {other}, this command {mine}")
        for what in ("cpu", "cores", "machine", "system"):
            value, other = (getattr(at.host, what) for at in (machine, first))
            if value != other:
                sentences.append(f"{machine.name} has {what} {value}, {first.name} {other}")
    return sentences


def _python(machine: ClientMachine) -> str:
    return f"{machine.implementation} {machine.python}"


def _versions(here: Mapping[str, str], there: Mapping[str, str]) -> list[tuple[str, Any, Any]]:
    return [(name, version, there.get(name, "unknown")) for name, version in here.items()]
