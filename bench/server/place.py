"""The path to the embedded server's folder, opened one name at a time by descriptor.

Root makes folders on that path, and gives the last folder to the server's own user. A user who can
write to a folder on the path could put a link there, and root would give away the target of the
link. So a path is refused if it leads through a folder or link that another user can change.
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
"""The last names of the path (HOME/.gatherbench/postgres18). We make them, never as links."""

_MOST_LINKS = 40  # the limit of Linux

ADVICE = "Set GATHERBENCH_HOME to a folder of your own, or pass --database-url."


@dataclass(frozen=True)
class Users:
    """The users whom the caller can trust with the path to the server's folder."""

    caller: int
    server: int
    """The owner of the last folder: the caller, unless the caller is root."""

    def owners(self, *, last: bool) -> set[int]:
        """Return who may own a folder that we make on the path, or its last folder."""
        return {self.caller, self.server if last else 0}

    def trusted(self, folder: os.stat_result) -> bool:
        """Return whether only root and the caller decide what a name in this folder means.

        In a sticky folder such as /tmp, other users can add names but not replace ours. The caller
        may open the caller's own folder to others: their files are refused because of their owner.
        """
        if folder.st_uid == self.caller:
            return True
        closed = not stat.S_IMODE(folder.st_mode) & (stat.S_IWGRP | stat.S_IWOTH)
        return folder.st_uid == 0 and (closed or bool(folder.st_mode & stat.S_ISVTX))


def enter(path: Path, users: Users, *, make: bool = False) -> Folder | None:
    """Open the server's folder. Return None if it is missing; `make` creates it instead.

    Raises `BenchError` if a link of another user is on the path, if one of the last two folders is
    a link, or if they or the home above them belong to another user or can be changed by one.
    """
    names = deque(path.absolute().parts[1:])
    with closing(_Walk(users)) as way:
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


class _Walk:
    """The folder that the walk has reached so far."""

    def __init__(self, users: Users) -> None:
        self.path = Path("/")
        self.descriptor = os.open("/", FIND_FOLDER)
        self._users = users
        self._links = 0

    def close(self) -> None:
        os.close(self.descriptor)

    def link(self, name: str, *, ours: bool) -> Path | None:
        """Return the target of the link of that name, or None if it is not a link.

        Raises `BenchError` for a link that must not be followed.
        """
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
                f"{place} is a symbolic link, and the embedded server's folder must not be one.\n"
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
        # Only root and the caller could have changed the link since the check.
        return Path(os.readlink(name, dir_fd=self.descriptor))

    def step(self, name: str, *, make: bool, last: bool) -> bool:
        """Enter the folder of that name; `make` creates it. Return False if it is missing."""
        if make:
            self._make(name, last=last)
        try:
            opened = os.open(name, FIND_FOLDER | os.O_NOFOLLOW, dir_fd=self.descriptor)
        except FileNotFoundError:
            return False
        os.close(self.descriptor)
        self.descriptor = opened
        # The names of a link's target are walked like others, also `..` and `/`.
        self.path = self.path.parent if name == ".." else self.path / name
        return True

    def _make(self, name: str, *, last: bool) -> None:
        try:
            os.mkdir(name, 0o700 if last else 0o755, dir_fd=self.descriptor)
        except FileExistsError:
            return
        opened = os.open(name, FIND_FOLDER | os.O_NOFOLLOW, dir_fd=self.descriptor)
        owner = os.fstat(opened).st_uid
        os.close(opened)
        # A start at the same time may have given the last folder to the server's account already.
        if owner not in self._users.owners(last=last):
            raise BenchError(f"{self.path / name} was replaced by another user.\n{ADVICE}")

    def check(self, *, last: bool) -> None:
        """Raise `BenchError` if another user owns the current folder or can change it."""
        status = os.fstat(self.descriptor)
        if status.st_uid not in self._users.owners(last=last):
            raise BenchError(
                f"{self.path} belongs to another user (uid {status.st_uid}).\n"
                "Run as that user, or set GATHERBENCH_HOME to a folder of your own."
            )
        if not last and not self._users.trusted(status):
            raise BenchError(
                f"other users can write to {self.path}, so they can change what is in it.\n{ADVICE}"
            )


def ancestors(path: Path) -> Iterator[tuple[Path, int]]:
    """Yield each folder above `path`, with a descriptor that is open until the next is yielded.

    Raises `OSError`, also for a link: the path has none, so another user has put it there since.
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
