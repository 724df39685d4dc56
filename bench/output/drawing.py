"""Charts that a second process draws after the end of a command, while nothing is measured.

The process holds a lock. A command that measures waits for it first.
"""

import fcntl
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

from bench.system.home import home

_started: list["subprocess.Popen[bytes]"] = []
"""The processes of this command. Python warns of one that is forgotten while it runs."""


def draw_in_background(folder: Path) -> "subprocess.Popen[bytes]":
    """Start a process that draws the charts of a results folder, and return it at once.

    Errors go to this command's stderr. Raises `OSError` if the process cannot be started.
    """
    with _lock_file() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        # The process inherits the open file, and the lock with it. Its end ends the lock.
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.output.drawing", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[lock.fileno()],
            start_new_session=True,
        )
    _started.append(process)
    return process


def wait(tell: Callable[[], object]) -> None:
    """Return when no charts are being drawn. Calls `tell` first if there are some."""
    try:
        with _lock_file() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                tell()
                fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError:  # no folder that can be written: no charts are drawn from it either
        return


def _lock_file() -> IO[bytes]:
    folder = home() / ".gatherbench"
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / "drawing.lock").open("ab")


def main() -> None:
    """Draw the charts of the folder that the command line names."""
    from bench.output import charts
    from bench.output.attempts import Attempts
    from bench.results.file import load

    os.nice(10)
    folder = Path(sys.argv[1])
    with Attempts(f"bench charts {shlex.quote(str(folder))}").at("charts"):
        charts.draw(load(folder), folder)


if __name__ == "__main__":
    main()
