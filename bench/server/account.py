"""The account of the operating system that the embedded server runs as.

PostgreSQL refuses to run as root. If root starts the server, it runs as a system user that exists
for it; otherwise it runs as the user who starts it.
"""

import errno
import logging
import os
import shutil
import stat
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.model.errors import BenchError
from bench.server.place import Users, ancestors
from bench.system.folder import READ_FOLDER

SYSTEM_USER = "gatherbench"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Account:
    """A user that owns the data and runs the server. `switched`: it is not the caller."""

    name: str
    uid: int
    gid: int
    switched: bool

    @property
    def subprocess_options(self) -> dict[str, Any]:
        """The options with which `subprocess.run` runs a program as this account."""
        if not self.switched:
            return {"umask": 0o077}
        return {"user": self.uid, "group": self.gid, "extra_groups": [], "umask": 0o077}

    @property
    def admitted(self) -> list[str]:
        """The users that may connect: this account, and root if root is the caller."""
        return [self.name, *(["root"] if self.switched else [])]

    @property
    def users(self) -> Users:
        """The users whom the caller can trust with the server's folder."""
        return Users(caller=0 if self.switched else self.uid, server=self.uid)

    def own(self, file: int, path: Path) -> None:
        """Give an open file or folder to this account, and close it to all other users.

        `path` is for messages.

        Raises OSError for a file of another user, and for a file that has a second name: root must
        not give away a file that another user has put here.
        """
        status = os.fstat(file)
        if status.st_uid not in (self.users.caller, self.uid):
            raise OSError(errno.EPERM, f"it belongs to another user, uid {status.st_uid}", path)
        if not stat.S_ISDIR(status.st_mode) and status.st_nlink > 1:
            raise OSError(errno.EPERM, "the file has a second name (a hard link)", path)
        os.fchmod(file, 0o700)
        if self.switched:
            os.fchown(file, self.uid, self.gid)

    def owns_privately(self, folder: Path) -> bool:
        """Return whether `folder` is a real folder of this account that no other user can enter."""
        try:
            status = folder.lstat()
        except OSError:
            return False
        private = stat.S_IMODE(status.st_mode) & 0o077 == 0
        return stat.S_ISDIR(status.st_mode) and private and status.st_uid == self.uid

    def let_through(self, paths: Iterable[Path]) -> None:
        """Let this account reach `paths`: add the search bit to every ancestor that lacks it.

        Only the right to pass is added, never the right to list. Only the caller's own folders are
        changed, and every change is logged. Raises `BenchError` if another user owns an ancestor.
        """
        for path in paths if self.switched else ():
            for folder, descriptor in ancestors(path):
                status = os.fstat(descriptor)
                if not _may_pass(status, self):
                    self._open_to_pass(folder, descriptor, status)

    def _open_to_pass(self, folder: Path, descriptor: int, status: os.stat_result) -> None:
        try:
            if status.st_uid != self.users.caller:
                raise OSError(errno.EPERM, f"it belongs to another user, uid {status.st_uid}")
            opened = os.open(".", READ_FOLDER, dir_fd=descriptor)
            try:
                os.fchmod(opened, stat.S_IMODE(status.st_mode) | stat.S_IXOTH)
            finally:
                os.close(opened)
        except OSError as error:
            raise BenchError(
                f"the user {self.name} cannot pass through {folder} ({error.strerror}).\n"
                "Run as an ordinary user, or pass --database-url."
            ) from error
        log.warning("added the search bit (o+x) to %s for the user %s", folder, self.name)


def _may_pass(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def account_for_caller() -> Account:
    """Return the account that runs the caller's server. Raises `BenchError` if there is none."""
    caller = os.geteuid()
    return _system_user() if caller == 0 else _by_uid(caller, switched=False)


def _by_uid(uid: int, *, switched: bool) -> Account:
    import pwd

    try:
        entry = pwd.getpwuid(uid)
    except KeyError as error:
        raise BenchError(
            f"the user id {uid} has no name on this machine, and PostgreSQL needs one.\n"
            "Run as a named user, or pass --database-url."
        ) from error
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switched)


def _system_user() -> Account:
    """Return the system user for root's server, created if missing."""
    import pwd

    failure = ""
    for _ in range(20):
        try:
            return _by_uid(pwd.getpwnam(SYSTEM_USER).pw_uid, switched=True)
        except KeyError:
            failure = _create_system_user()
        time.sleep(0.1)  # useradd fails at once while another useradd holds its lock
    raise BenchError(
        f"PostgreSQL does not run as root, and its own user could not be created: {failure}.\n"
        "Run as an ordinary user, or pass --database-url."
    )


def _create_system_user() -> str:
    """Try once to create the user. Return the error, or an empty text."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    useradd = shutil.which("useradd", path=path)
    if useradd is None:
        return "useradd is missing"
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    shell = shutil.which("nologin", path=path) or "/bin/false"
    done = subprocess.run(
        [useradd, *options, "--shell", shell, SYSTEM_USER], capture_output=True, text=True
    )
    return done.stderr.strip().removeprefix("useradd: ")
