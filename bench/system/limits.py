"""The limits that the operating system sets: open files, processes, memory, disk space."""

import errno
import os
import resource
from contextlib import suppress

from bench.model.errors import BenchError

_WANTED_FILES = 4096

_FILES_OF_A_PROCESS = 48
"""The number of open files of a process beside its connections. The command itself needs no more:
it has a pipe and a sentinel for each of fourteen backends."""

_CURES = {
    errno.EMFILE: "Allow more open files: ulimit -n 1024",
    errno.ENFILE: "Close other programs: the machine has no open file left.",
    errno.EAGAIN: "Allow more processes and threads (ulimit -u), or end others of this user.",
    errno.ENOMEM: "Allow more memory (ulimit -v), or close other programs.",
    errno.ENOSPC: "Free some space on that disk, then try again.",
    errno.EDQUOT: "Free some space: the quota of this user is used up.",
    errno.EROFS: "Choose a folder that can be written to.",
    errno.EACCES: "Choose a folder of your own, or get the right to write to this one.",
    errno.EPERM: "Choose a folder of your own, or get the right to write to this one.",
    errno.EIO: "Check the disk, or the terminal: it reported an error.",
}


def raise_open_files() -> None:
    """Raise the limit of open files, for this process and its children, as far as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(_WANTED_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def spare_threads() -> None:
    """Keep numpy's OpenBLAS from starting a thread for each core when it is imported.

    Nothing here needs these threads. If the system allows no more threads, OpenBLAS sends SIGINT to
    its own process, which would look like Ctrl-C. A value that the user has set stays.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def check_open_files(connections: int) -> None:
    """Raise `BenchError` if a process may not open that many connections."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + _FILES_OF_A_PROCESS
    if limit != resource.RLIM_INFINITY and limit < needed:
        raise BenchError(
            f"{needed} files have to be open at once in a process, and only {limit} may be.\n"
            f"Allow more: ulimit -n {max(1024, needed)}"
            + (", or lower --concurrency." if connections > 1 else "")
        )


def refusal(error: OSError | MemoryError | ImportError) -> BenchError | None:
    """Return the error in two lines if a limit of the system caused it, else None."""
    unloadable = isinstance(error, ImportError) and "failed to map segment" in str(error)
    if isinstance(error, MemoryError) or unloadable:
        return BenchError(f"out of memory.\n{_CURES[errno.ENOMEM]}")
    if isinstance(error, ImportError) or error.errno not in _CURES:
        return None
    cure = _CURES[error.errno]
    place = f" ({error.filename})" if error.filename else ""
    return BenchError(f"{(error.strerror or 'refused').lower()}{place}.\n{cure}")
