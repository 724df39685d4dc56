"""The current folder may be anybody's, /tmp for one: no code and no settings are taken from it.

Python and matplotlib would: `python -c` looks there first for every module, and matplotlib for a
file `matplotlibrc`. Only a module that the user names is looked for there, and last.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SAFE_PATH = "PYTHONSAFEPATH"


def importable() -> str | None:
    """Return the current folder as an entry of `sys.path`; None where the user forbids it.

    PYTHONSAFEPATH and `python -P` forbid it:
    https://docs.python.org/3/using/cmdline.html#envvar-PYTHONSAFEPATH
    """
    try:
        return None if sys.flags.safe_path else str(Path.cwd())
    except FileNotFoundError:  # somebody has deleted it
        return None


@contextmanager
def kept_from_processes() -> Iterator[None]:
    """Have a Python process that starts within look for no module in the current folder.

    multiprocessing starts it as `python -c`, which would take even `socket.py` from there.
    """
    with _environment(_SAFE_PATH, os.environ.get(_SAFE_PATH) or "1"):
        yield


@contextmanager
def kept_from_matplotlib() -> Iterator[None]:
    """Have matplotlib, imported within, read no settings but its own.

    It would read ./matplotlibrc, and end with a traceback for an MPLBACKEND that it does not know.
    Charts then look the same on every machine.
    """
    with (
        _elsewhere(),
        _environment("MATPLOTLIBRC", os.devnull),
        _environment("MPLBACKEND", None),
    ):
        yield


@contextmanager
def _elsewhere() -> Iterator[None]:
    """Work in the root folder, which only root can write to."""
    here = os.open(".", getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY)
    try:
        os.chdir("/")
        yield
    finally:
        os.fchdir(here)
        os.close(here)


@contextmanager
def _environment(name: str, value: str | None) -> Iterator[None]:
    before = os.environ.pop(name, None)
    if value is not None:
        os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before
