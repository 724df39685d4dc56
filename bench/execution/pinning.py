"""Clients and server on processors of their own, while a run is measured.

Without it, the kernel may let a client share its server process's processor, or not, and may change
that at any time. On one machine with two processors that alone changed the throughput of one client
by a factor of three.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from bench.measure.worker_pool import WorkerPool
from bench.model.errors import BenchError
from bench.model.run_config import RunConfig
from bench.system.processors import Halves, halves


def placement(config: RunConfig, server_pid: int | None) -> Halves | None:
    """Return the processors of clients and server; None if the config leaves that to the kernel.

    `server_pid`: the server's first process, if it runs on this machine. Raises `BenchError` if
    they must be pinned and cannot be.
    """
    if config.pin == "no":
        return None
    parts = halves()
    reason = _reason_of_config(config, parts) or _reason(server_pid, parts)
    if not reason:
        return parts
    if config.pin == "if possible":
        return None
    raise BenchError(f"clients and server cannot be pinned: {reason}.\nLeave out --pin.")


def where_possible(server_pid: int | None) -> Halves | None:
    """Return the processors of clients and server, or None if they cannot be pinned."""
    parts = halves()
    return None if _reason(server_pid, parts) else parts


def _reason_of_config(config: RunConfig, parts: Halves | None) -> str:
    """Return why clients of this config cannot be pinned, or an empty text."""
    if config.scheduler:
        return "the clients are on a cluster"
    most = max((case.processes for case in config.plan.cases), default=1)
    if parts and most > len(parts.clients):
        return f"{most} processes have {len(parts.clients)} of the processors"
    return ""


def _reason(server_pid: int | None, parts: Halves | None) -> str:
    """Return why a server and its clients cannot be pinned, or an empty text."""
    if server_pid is None:
        return "the server does not run on this machine"
    if parts is None:
        return "this process has one processor, or its system lets no program choose"
    try:
        server = psutil.Process(server_pid)
        server.cpu_affinity(server.cpu_affinity())
    except psutil.Error:
        return "this user may not choose the server's processors"
    return ""


@contextmanager
def pinned(workers: WorkerPool, server_pid: int | None, parts: Halves | None) -> Iterator[None]:
    """Let worker processes that start in the block, and the server, have processors of their own.

    Without `parts` the kernel chooses.
    """
    if parts is None or server_pid is None:
        yield
        return
    workers.pin(parts.clients)
    with server_on(server_pid, parts.server):
        try:
            yield
        finally:
            workers.pin(None)


@contextmanager
def server_on(server_pid: int, processors: tuple[int, ...]) -> Iterator[None]:
    """Keep a server's processes, and those that it starts, on these processors until the end."""
    before = psutil.Process(server_pid).cpu_affinity()
    assert before is not None
    _move(server_pid, processors)
    try:
        yield
    finally:
        _move(server_pid, tuple(before))


def _move(server_pid: int, processors: tuple[int, ...]) -> None:
    with suppress(psutil.Error):  # it may have ended
        server = psutil.Process(server_pid)
        server.cpu_affinity(list(processors))
        for child in server.children():
            with suppress(psutil.Error):
                child.cpu_affinity(list(processors))
