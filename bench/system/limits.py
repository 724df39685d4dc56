"""The limits that the operating system sets: open files, processes, memory, disk space."""

import errno
import os
import resource
from contextlib import suppress

from bench.model.errors import BenchError

_WANTED_FILES = 4096

_FILES_OF_A_PROCESS = 48
"""Files that one process has open beside its connections; the command itself, with a pipe and a
sentinel for each of fourteen backends, has no more."""

_CURES = {
    errno.EMFILE: "Allow more open files: ulimit -n 1024",
    errno.ENFILE: "Close other programs: the machine has no open file left.",
    errno.EAGAIN: "Allow more processes and threads (ulimit -u), or end others of this user.",
    errno.ENOMEM: "Allow more memory (ulimit -v), or close other programs.",
    errno.ENOSPC: "Free some space on that disk, then try again.",
    errno.EDQUOT: "Free some space: the quota of this user is used up.",
    errno.EROFS: "Choose a folder that can be written to.",
    errno.EACCES: "Choose a folder of your own, or have the right to this one.",
    errno.EPERM: "Choose a folder of your own, or have the right to this one.",
    errno.EIO: "See the disk, or the terminal: it answered with an error.",
}


def raise_open_files() -> None:
    """Allow this process and its children as many open files as the system lets us have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(_WANTED_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def spare_threads() -> None:
    """Keep numpy's OpenBLAS from starting a thread for each core when it is imported.

    Nothing here needs them, and where none may be started, OpenBLAS sends its process SIGINT, which
    would look like Ctrl-C. What the user has set stays.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def check_open_files(connections: int) -> None:
    """Raise `BenchError` where no process may open that many connections."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + _FILES_OF_A_PROCESS
    if limit != resource.RLIM_INFINITY and limit < needed:
        raise BenchError(
            f"{needed} files have to be open at once in a process, and only {limit} may be.\n"
            f"Allow more: ulimit -n {max(1024, needed)}"
            + (", or lower --concurrency." if connections > 1 else "")
        )


def refusal(error: OSError | MemoryError | ImportError) -> BenchError | None:
    """The error in two lines, if it is the system's limit that was met; None for any other."""
    unloadable = isinstance(error, ImportError) and "failed to map segment" in str(error)
    if isinstance(error, MemoryError) or unloadable:
        return BenchError(f"out of memory.\n{_CURES[errno.ENOMEM]}")
    if isinstance(error, ImportError) or error.errno not in _CURES:
        return None
    cure = _CURES[error.errno]
    place = f" ({error.filename})" if error.filename else ""
    return BenchError(f"{(error.strerror or 'refused').lower()}{place}.\n{cure}")
