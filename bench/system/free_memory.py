"""The memory that this machine, or the group of processes that this one is in, has left."""

from contextlib import suppress
from pathlib import Path

_GROUP = Path("/sys/fs/cgroup")


def free_bytes() -> int:
    """Return the bytes that can be taken without swapping: the machine's, or what its limit leaves.

    A limit of the group of processes (cgroup) counts, as in a container.
    """
    import psutil

    free = int(psutil.virtual_memory().available)
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        with suppress(OSError, ValueError):
            left = int((_GROUP / limit).read_text()) - int((_GROUP / used).read_text())
            free = min(free, max(0, left))
    return free
