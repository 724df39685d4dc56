"""A process that has imported `bench`, and is forked into one of its commands at each request.

Several hundred commands of the tests would import the same modules for half a second each. A
command that is forked has a group, streams, an environment and a folder of its own, and ends as
any program does. This file is run as a program, and imports nothing of the tests.
"""

import atexit
import gc
import json
import multiprocessing.process
import os
import socket
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

HEADER_BYTES = 8
"""The size of the length that goes before a request, with the descriptors of its streams."""

DESCRIPTORS = 3
"""Its standard output, its standard error, and the pipe of the answer: process id, then status."""

# What commands import when they first need it. Never matplotlib: it reads settings at its import.
_LATER = (
    "accessors.statements",
    "bench.studies.query.measurement",
    "jinja2",
    "msgspec",
    "psycopg",
    "psycopg_pool",
    "rich.live",
    "rich.progress",
    "rich.table",
    "scipy.stats",
    "sqlalchemy.ext.asyncio",
    "sqlalchemy.orm",
)


def _import_all() -> None:
    from bench.cli.main import COMMANDS
    from bench.system import limits

    limits.spare_threads()
    for module, _, _ in COMMANDS.values():
        import_module(module)
    for module in _LATER:
        import_module(module)
    assert "matplotlib" not in sys.modules
    gc.collect()
    gc.freeze()  # or each command would copy the pages of all modules when it collects garbage


def _receive(requests: socket.socket) -> tuple[Mapping[str, Any], list[int]] | None:
    """Return the next request and its descriptors, or None if nobody is left to send one."""
    header, descriptors, _, _ = socket.recv_fds(requests, HEADER_BYTES, DESCRIPTORS)
    if not header:
        return None
    size = int.from_bytes(header, "big")
    text = b""
    while len(text) < size:
        text += requests.recv(size - len(text))
    return json.loads(text), descriptors


def _opened_again(stream: TextIO) -> TextIO:
    """Return a stream that has looked at what its descriptor is now: a pipe, not a file."""
    buffering = 1 if stream.line_buffering else -1  # type: ignore[attr-defined]
    number = stream.fileno()
    return open(number, "w", buffering, stream.encoding, stream.errors, closefd=False)


def _become(request: Mapping[str, Any], descriptors: list[int]) -> None:
    """Make this process the one that `subprocess.Popen` would have started."""
    os.setsid()
    os.dup2(descriptors[0], 1)
    os.dup2(descriptors[1], 2)
    for descriptor in descriptors:
        os.close(descriptor)
    sys.stdout, sys.stderr = _opened_again(sys.stdout), _opened_again(sys.stderr)
    os.chdir(str(request["folder"]))
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = list(request["command"])
    program = sys.argv[0]
    found = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:1] = [str(Path(program).parent), *(folder for folder in found if folder)]
    # A process that it starts by multiprocessing imports its main module, in its folder.
    sys.modules["__main__"].__file__ = program
    multiprocessing.process.ORIGINAL_DIR = str(request["folder"])


def _wait_for_a_request(requests: socket.socket) -> bool:
    """Return true in a new process that is to run a command; false when there are no more."""
    while received := _receive(requests):
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if os.fork() == 0:
            requests.close()
            command = os.fork()
            if command == 0:
                _become(*received)
                return True
            output, errors, answer = received[1]
            os.close(output)
            os.close(errors)
            os.write(answer, b"%d\n" % command)
            _, status = os.waitpid(command, 0)
            os.write(answer, b"%d" % os.waitstatus_to_exitcode(status))
            os._exit(0)
        for descriptor in received[1]:
            os.close(descriptor)
    return False


def _exit(code: int) -> None:
    """End as Python does, but without emptying all modules, which takes longer than a command."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _import_all()
    if _wait_for_a_request(socket.socket(fileno=int(sys.argv[1]))):
        from bench.cli.main import main

        try:
            sys.exit(main())
        except SystemExit as end:
            _exit(end.code if isinstance(end.code, int) else int(end.code is not None))
