"""The way to the embedded server's folder, walked a name at a time by descriptor.

Root makes folders on it and gives the last one to the server's own user. Whoever can write to a
folder on the way could put a link there, and have root give away what the link points to. So the
way is refused where it leads through what another user can change.
"""

import os
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench.model.errors import BenchError
from bench.system.folder import FIND_FOLDER, READ_FOLDER, Folder

_MADE_HERE = 2
"""The last names of the way, as in HOME/.gatherbench/postgres18: we make them, never as links."""

_MOST_LINKS = 40  # as Linux has it

ADVICE = "Set GATHERBENCH_HOME to a folder of your own, or pass --database-url."


@dataclass(frozen=True)
class Users:
    """The users whom the caller can trust with the way to the server's folder."""

    caller: int
    server: int
    """The owner of the last folder; the caller, unless that is root."""

    def trusted(self, folder: os.stat_result) -> bool:
        """Whether nobody but root and the caller decides what a name in this folder means.

        In a sticky folder, as /tmp is, others can add names but not take ours. The caller's own
        folder is the caller's to open to others: what they put there is refused by its owner.
        """
        if folder.st_uid == self.caller:
            return True
        closed = not stat.S_IMODE(folder.st_mode) & (stat.S_IWGRP | stat.S_IWOTH)
        return folder.st_uid == 0 and (closed or bool(folder.st_mode & stat.S_ISVTX))


def enter(path: Path, users: Users, *, make: bool = False) -> Folder | None:
    """Open the server's folder; None where it is missing, unless it is to be made.

    Raises `BenchError` where a link of another user is on the way, where the last two folders are
    links, and where they or the home above them belong to another user or can be changed by one.
    """
    names = deque(path.absolute().parts[1:])
    with closing(_Way(users)) as way:
        while names:
            name = names.popleft()
            try:
                target = way.link(name, ours=len(names) < _MADE_HERE)
                if target is not None:
                    names.extendleft(reversed(target.parts))
                    continue
                if not way.step(name, make=make, last=not names):
                    return None
                if len(names) <= _MADE_HERE:
                    way.check(last=not names)
            except OSError as error:
                raise BenchError(
                    f"cannot open {way.path / name} ({error.strerror}).\n{ADVICE}"
                ) from error
        return Folder(way.path, os.open(".", READ_FOLDER, dir_fd=way.descriptor))


class _Way:
    """The folder that was reached so far."""

    def __init__(self, users: Users) -> None:
        self.path = Path("/")
        self.descriptor = os.open("/", FIND_FOLDER)
        self._users = users
        self._links = 0

    def close(self) -> None:
        os.close(self.descriptor)

    def link(self, name: str, *, ours: bool) -> Path | None:
        """The target of a link of that name, if it may be followed; None where it is no link."""
        if name == "/":
            return None
        try:
            status = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISLNK(status.st_mode):
            return None
        place = self.path / name
        if ours:
            raise BenchError(
                f"{place} is a symbolic link, and the embedded server's folder is none.\n"
                "Remove it. For a folder elsewhere, set GATHERBENCH_HOME."
            )
        trusted = status.st_uid in (0, self._users.caller) and status.st_nlink == 1
        if not trusted or not self._users.trusted(os.fstat(self.descriptor)):
            raise BenchError(
                f"{place} is a symbolic link that another user can change (uid {status.st_uid})."
                f"\nSet GATHERBENCH_HOME to the folder itself, or pass --database-url."
            )
        self._links += 1
        if self._links > _MOST_LINKS:
            raise BenchError(f"{place} is a symbolic link that leads in a circle.\n{ADVICE}")
        # Nobody but root and the caller could have changed it since.
        return Path(os.readlink(name, dir_fd=self.descriptor))

    def step(self, name: str, *, make: bool, last: bool) -> bool:
        """Go into the folder of that name, made where it may be. False where it is missing."""
        if make:
            self._make(name, 0o700 if last else 0o755)
        try:
            opened = os.open(name, FIND_FOLDER | os.O_NOFOLLOW, dir_fd=self.descriptor)
        except FileNotFoundError:
            return False
        os.close(self.descriptor)
        self.descriptor = opened
        # A link was read by its text: `..` and `/` are steps like any other.
        self.path = self.path.parent if name == ".." else self.path / name
        return True

    def _make(self, name: str, mode: int) -> None:
        try:
            os.mkdir(name, mode, dir_fd=self.descriptor)
        except FileExistsError:
            return
        opened = os.open(name, FIND_FOLDER | os.O_NOFOLLOW, dir_fd=self.descriptor)
        made_here = os.fstat(opened).st_uid == os.geteuid()
        os.close(opened)
        if not made_here:  # somebody has put another one in its place since
            raise BenchError(f"{self.path / name} was exchanged by another user.\n{ADVICE}")

    def check(self, *, last: bool) -> None:
        """Refuse the folder that was reached where another user owns it or can change it."""
        status = os.fstat(self.descriptor)
        owners = {self._users.caller, self._users.server if last else 0}
        if status.st_uid not in owners:
            raise BenchError(
                f"{self.path} belongs to another user (uid {status.st_uid}).\n"
                "Run as that user, or set GATHERBENCH_HOME to a folder of your own."
            )
        if not last and not self._users.trusted(status):
            raise BenchError(
                f"other users can write to {self.path}, and so decide what is in it.\n{ADVICE}"
            )


def ancestors(path: Path) -> Iterator[tuple[Path, int]]:
    """Each folder above `path`, with a descriptor that is open until the next. `OSError`.

    The path has no links: one that is met was put there since.
    """
    descriptor = os.open("/", FIND_FOLDER)
    try:
        yield Path("/"), descriptor
        for folder in [*reversed(path.parents)][1:]:
            below = os.open(folder.name, FIND_FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
            yield folder, descriptor
    finally:
        os.close(descriptor)
