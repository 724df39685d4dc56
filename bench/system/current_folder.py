"""The current folder may be anybody's, /tmp for one: no code and no settings are taken from it.

Python and matplotlib would: `python -c` looks there first for every module, and matplotlib for a
file `matplotlibrc`. Only a module that the user names is looked for there, and last.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

_SAFE_PATH = "PYTHONSAFEPATH"


class _Last(MetaPathFinder):
    """Finds a module in one folder, where nothing else has found one of that name.

    At the end of `sys.path`, the folder would come before an editable install, which has a finder
    of its own at the end; and its entry points and plugins would count as installed.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(fullname, [self.folder]) if path is None else None


def search() -> None:
    """Find modules in the current folder from now on, last of all; not where the user forbids it.

    PYTHONSAFEPATH and `python -P` forbid it:
    https://docs.python.org/3/using/cmdline.html#envvar-PYTHONSAFEPATH
    """
    with suppress(FileNotFoundError):  # somebody has deleted it
        if not sys.flags.safe_path:
            search_in(str(Path.cwd()))


def search_in(folder: str | None) -> None:
    """Find modules in this folder, last of all: in a process what `searched` is in its parent."""
    if folder is not None and searched() != folder:
        sys.meta_path.append(_Last(folder))


def searched() -> str | None:
    """Return the folder that `search` has added; None for none."""
    return next((each.folder for each in sys.meta_path if isinstance(each, _Last)), None)


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
