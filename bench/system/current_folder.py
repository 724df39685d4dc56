"""Protection from files in the current folder: no code and no settings are taken from it.

Other users may write to that folder, for example to /tmp. Python and matplotlib would use it:
`python -c` searches it first for every module, and matplotlib reads a file `matplotlibrc` there.
Only a module that the user names is searched there, after all other places.
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
    """A finder of modules in one folder. It comes after all others.

    At the end of `sys.path` the folder would come before an editable install, whose finder is the
    last one. Entry points and plugins in the folder would also count as installed.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(fullname, [self.folder]) if path is None else None


def search() -> None:
    """Find modules also in the current folder from now on, after all other places.

    Does nothing if the user forbids it by PYTHONSAFEPATH or `python -P`:
    https://docs.python.org/3/using/cmdline.html#envvar-PYTHONSAFEPATH
    """
    with suppress(FileNotFoundError):  # the folder was deleted
        if not sys.flags.safe_path:
            search_in(str(Path.cwd()))


def search_in(folder: str | None) -> None:
    """Find modules also in this folder, after all other places.

    A process calls it with the value of `searched` in its parent. None does nothing.
    """
    if folder is not None and searched() != folder:
        sys.meta_path.append(_Last(folder))


def searched() -> str | None:
    """Return the folder that `search` added, or None."""
    return next((finder.folder for finder in sys.meta_path if isinstance(finder, _Last)), None)


@contextmanager
def kept_from_processes() -> Iterator[None]:
    """Keep Python processes that start in the block from finding modules in the current folder.

    multiprocessing starts them as `python -c`, which would import even `socket.py` from there.
    """
    with _environment(_SAFE_PATH, os.environ.get(_SAFE_PATH) or "1"):
        yield


@contextmanager
def kept_from_matplotlib() -> Iterator[None]:
    """Make matplotlib, if it is imported in the block, read only its own settings.

    Otherwise it would read ./matplotlibrc, and end with a traceback for an unknown MPLBACKEND. With
    its own settings, charts look the same on every machine.
    """
    with (
        _elsewhere(),
        _environment("MATPLOTLIBRC", os.devnull),
        _environment("MPLBACKEND", None),
    ):
        yield


@contextmanager
def _elsewhere() -> Iterator[None]:
    """Make the root folder, which only root can write to, the current folder for the block."""
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
