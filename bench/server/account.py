"""The account of the operating system that the embedded server runs as.

PostgreSQL refuses to run as root. For root the server gets a system user of its own; for anybody
else it runs as the one who starts it.
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
    """A user that may own the data and run the server; `switched` when it is not the caller."""

    name: str
    uid: int
    gid: int
    switched: bool

    @property
    def subprocess_options(self) -> dict[str, Any]:
        """What makes `subprocess.run` run a program as this account."""
        if not self.switched:
            return {"umask": 0o077}
        return {"user": self.uid, "group": self.gid, "extra_groups": [], "umask": 0o077}

    @property
    def admitted(self) -> list[str]:
        """The users that may connect: this one, and root where root is the caller."""
        return [self.name, *(["root"] if self.switched else [])]

    @property
    def users(self) -> Users:
        return Users(caller=0 if self.switched else self.uid, server=self.uid)

    def own(self, file: int, path: Path) -> None:
        """Make an open file or folder this account's, and closed to everybody else.

        `path` is for messages.

        Raises OSError for what belongs to another user, and for a file that has a second name:
        root must not give away what somebody else has put here.
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
        """Whether `folder` is a real folder of this account that nobody else can enter."""
        try:
            found = folder.lstat()
        except OSError:
            return False
        private = stat.S_IMODE(found.st_mode) & 0o077 == 0
        return stat.S_ISDIR(found.st_mode) and private and found.st_uid == self.uid

    def let_through(self, paths: Iterable[Path]) -> None:
        """Give this account the way to `paths`: the search bit, where an ancestor lacks it.

        Only the right to pass is added, never the right to list, only to the caller's own folders,
        and every change is logged.
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


def _may_pass(found: os.stat_result, account: Account) -> bool:
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == account.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def account_for_caller() -> Account:
    """Return the account that runs the caller's server. BenchError where none can be had."""
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
    """The system user for root's server, created when missing."""
    import pwd

    complaint = ""
    for _ in range(20):
        try:
            return _by_uid(pwd.getpwnam(SYSTEM_USER).pw_uid, switched=True)
        except KeyError:
            complaint = _create_system_user()
        time.sleep(0.1)  # useradd gives up at once while another one holds its lock
    raise BenchError(
        f"PostgreSQL does not run as root, and its own user could not be created: {complaint}.\n"
        "Run as an ordinary user, or pass --database-url."
    )


def _create_system_user() -> str:
    """Try once; what went wrong, or an empty text."""
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
