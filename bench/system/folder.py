"""An open folder: its files are read and written by its descriptor and a plain name.

A path is looked up again at every use, and a user who may write to a folder on the way can put a
symbolic link there in between. A descriptor always means the same folder, and a name in it is never
followed as a link. A file is replaced as a whole: a new file takes the name when it is complete, so
that Ctrl-C or a full disk leaves the old file as it was.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Self

READ_FOLDER = os.O_RDONLY | os.O_DIRECTORY
FIND_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY  # O_PATH: Linux
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_AT_A_LINK = (errno.ELOOP, errno.EMLINK, errno.ENOTDIR)  # the codes of Linux, macOS and the BSDs
_OLD_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # opening a FIFO must not wait for a writer


class Folder:
    """An open folder. Close it, or use it in a `with`. Every method raises `OSError`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Take over `descriptor`, which `close` will close. `path` is used in messages."""
        self.path = path
        self.descriptor = descriptor

    @classmethod
    def at(cls, path: Path) -> Self:
        """Open the folder that the user named. Links in its path are followed: they are chosen."""
        return cls(path, os.open(path, FIND_FOLDER))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        os.close(self.descriptor)

    def folder(self, name: str, *, make: bool = False, mode: int = 0o777) -> "Folder":
        """Open the folder `name` in this one. A link is refused. `make`: create a missing one."""
        if make:
            with suppress(FileExistsError):
                os.mkdir(_plain(name), mode, dir_fd=self.descriptor)
        try:
            opened = os.open(_plain(name), READ_FOLDER | os.O_NOFOLLOW, dir_fd=self.descriptor)
        except OSError as error:
            raise self._explained(name, error) from error
        return Folder(self.path / name, opened)

    def new_folder(self, name: str) -> "Folder":
        """Make the folder `name`, which must not exist yet, and open it."""
        try:
            os.mkdir(_plain(name), dir_fd=self.descriptor)
        except OSError as error:
            raise self._explained(name, error) from error
        return self.folder(name)

    def status(self, name: str) -> os.stat_result | None:
        """Return the status of `name` itself, even if it is a link. None if it does not exist."""
        try:
            return os.stat(_plain(name), dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def names(self) -> list[str]:
        """Return the names of everything in the folder."""
        # A path would be looked up again.
        return os.listdir(self.descriptor)  # noqa: PTH208

    def read(self, name: str, start: int = 0) -> bytes | None:
        """Return the content of a regular file from byte `start` on. None if it does not exist."""
        try:
            opened = os.open(_plain(name), _OLD_FILE, dir_fd=self.descriptor)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._explained(name, error) from error
        with os.fdopen(opened, "rb") as file:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                raise OSError(errno.EINVAL, "not a regular file", str(self.path / name))
            file.seek(start)
            return file.read()

    def new_file(self, name: str, mode: int = 0o666) -> int:
        """Create a file, which must not exist yet. Return its descriptor, open for writing."""
        try:
            return os.open(_plain(name), _NEW_FILE, mode, dir_fd=self.descriptor)
        except OSError as error:
            raise self._explained(name, error) from error

    @contextmanager
    def replacing(self, name: str, mode: int = 0o666) -> Iterator[IO[bytes]]:
        """Yield a new file that replaces `name` at the end of the block, with its permissions.

        A link of that name is replaced, not followed. If the block raises, nothing changes.
        """
        before = self.status(name)
        new = f".{_plain(name)[:200]}.{secrets.token_hex(4)}.new"
        try:
            with os.fdopen(self.new_file(new, mode), "wb") as file:
                if before is not None and stat.S_ISREG(before.st_mode):
                    os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode) & 0o777)
                yield file
            os.replace(new, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        except OSError as error:
            raise self._explained(name, error) from error
        finally:
            with suppress(FileNotFoundError):  # it has the new name by now
                os.unlink(new, dir_fd=self.descriptor)

    def rename(self, name: str, new: str) -> None:
        """Give a file or folder another name in this folder."""
        here = self.descriptor
        os.rename(_plain(name), _plain(new), src_dir_fd=here, dst_dir_fd=here)

    def remove(self, name: str) -> None:
        """Remove a file or a link, but not its target. Does nothing if it does not exist."""
        with suppress(FileNotFoundError):
            os.unlink(_plain(name), dir_fd=self.descriptor)

    def _explained(self, name: str, error: OSError) -> OSError:
        """Return the same error with the whole path, and in plain words if a link was refused."""
        status = None
        with suppress(OSError, ValueError):
            status = self.status(name)
        if status is not None and stat.S_ISLNK(status.st_mode) and error.errno in _AT_A_LINK:
            words = "it is a symbolic link, which is not followed"
            return OSError(error.errno, words, str(self.path / name))
        words = error.strerror or str(error)
        return OSError(error.errno or errno.EIO, words, str(self.path / name))


def _plain(name: str) -> str:
    """Return the name. Raises `OSError` if it would lead out of the folder."""
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise OSError(errno.EINVAL, "it is not the plain name of a file", name)
    return name
