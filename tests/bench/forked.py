"""`bench` commands that are forked from a process which has imported them (`imported.py`)."""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

from tests.bench.imported import HEADER_BYTES

_PROGRAM = Path(__file__).with_name("imported.py")
_AT_IMPORT = dict(os.environ)
"""The environment before any test has changed it."""
_READ_LATE = ("DATABASE_URL", "GATHERBENCH_", "PG", "PYTEST_", "PYTHONPATH")


@dataclass(frozen=True)
class _Imported:
    """The process that is forked."""

    process: "subprocess.Popen[bytes]"
    requests: socket.socket

    @classmethod
    def start(cls) -> "_Imported":
        ours, its = socket.socketpair()
        with its:
            process = subprocess.Popen(
                [sys.executable, _PROGRAM, str(its.fileno())],
                pass_fds=[its.fileno()],
                stdout=subprocess.DEVNULL,
                env=_AT_IMPORT,
            )
        imported = cls(process, ours)
        atexit.register(imported.end)
        return imported

    def end(self) -> None:
        self.requests.close()
        self.process.wait()

    def knows(self, environment: Mapping[str, str]) -> bool:
        """Return whether a fork sees no other environment than a new process would.

        Python and the libraries read most variables once, when they start. A module in a folder of
        PYTHONPATH may take the place of one that is imported already.
        """
        return not changed(environment) and all(
            file.stem != "sitecustomize" and find_spec(file.stem) is None
            for folder in filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
            for file in Path(folder).glob("*.py")
        )


def changed(environment: Mapping[str, str]) -> set[str]:
    """Return the variables that a program reads when it starts, and that are others than before."""
    names = environment.keys() | _AT_IMPORT.keys()
    early = (name for name in names if not name.startswith(_READ_LATE))
    return {name for name in early if environment.get(name) != _AT_IMPORT.get(name)}


_imported: _Imported | None = None
_lock = Lock()


def can_run(environment: Mapping[str, str]) -> bool:
    """Return whether a command of this environment can be forked. If not, start a new process."""
    global _imported
    with _lock:
        _imported = _imported or _Imported.start()
    return _imported.knows(environment)


def run(
    command: list[str], folder: Path, environment: Mapping[str, str], seconds: float
) -> tuple[int, str, str]:
    """Run a command to its end. Its exit code (negative: a signal), output and errors.

    Raises `subprocess.TimeoutExpired` after that many seconds, when it is killed.
    """
    request = {"command": command, "folder": str(folder), "environment": dict(environment)}
    text = json.dumps(request).encode()
    pipes = [os.pipe() for _ in range(3)]
    assert _imported is not None
    with _lock:
        header = len(text).to_bytes(HEADER_BYTES, "big")
        socket.send_fds(_imported.requests, [header], [pipe[1] for pipe in pipes])
        _imported.requests.sendall(text)
    for pipe in pipes:
        os.close(pipe[1])
    output, errors, answer = (os.fdopen(pipe[0], encoding="utf-8") for pipe in pipes)
    with output, errors, answer, ThreadPoolExecutor(3) as threads:
        process = int(answer.readline())
        reading = [threads.submit(file.read) for file in (output, errors, answer)]
        try:
            out, err, code = (each.result(seconds) for each in reading)
        except BaseException as error:  # pytest's own timeout, and Ctrl-C, are among them
            with suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
            if isinstance(error, TimeoutError):
                raise subprocess.TimeoutExpired(command, seconds) from None
            raise
    return int(code), out, err
