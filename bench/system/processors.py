"""The processors of this machine, in two halves: one for clients, one for a server."""

import os
from dataclasses import dataclass
from pathlib import Path

_TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology/{}"


@dataclass(frozen=True)
class Halves:
    """The numbers of the processors in each half."""

    clients: tuple[int, ...]
    server: tuple[int, ...]

    def __str__(self) -> str:
        return f"clients on {_in_words(self.clients)}, server on {_in_words(self.server)}"


def halves() -> Halves | None:
    """Return the processors that this process may use, in two halves.

    The threads of one core are in one half, if there are two cores. None if there is one processor
    alone, or if the system does not let a program choose.
    """
    if not hasattr(os, "sched_getaffinity"):
        return None
    cores: dict[tuple[str, ...], list[int]] = {}
    for number in sorted(os.sched_getaffinity(0)):
        cores.setdefault(_core(number), []).append(number)
    parts = list(cores.values())
    if len(parts) == 1:
        parts = [[number] for number in parts[0]]
    middle = len(parts) // 2
    if not middle:
        return None
    first, second = (
        tuple(sorted(number for part in half for number in part))
        for half in (parts[:middle], parts[middle:])
    )
    return Halves(first, second)


def _core(number: int) -> tuple[str, ...]:
    """Return what two threads of one core have in common."""
    try:
        return tuple(
            Path(_TOPOLOGY.format(number, name)).read_text().strip()
            for name in ("physical_package_id", "core_id")
        )
    except OSError:
        return (str(number),)


def _in_words(numbers: tuple[int, ...]) -> str:
    return f"processor{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
