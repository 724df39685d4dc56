"""Functions that write a file: completely or not at all, and never through a link."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from urllib.parse import quote

from bench.system.folder import Folder

_LONGEST_NAME = 200  # bytes; file systems allow 255, and a suffix follows


def made_folder(path: Path) -> Folder:
    """Open a folder that the user named; make it if it is missing. Raises `OSError`."""
    with suppress(FileExistsError):  # opening it fails if it is not a folder
        path.mkdir(parents=True, exist_ok=True)
    return Folder.at(path)


def new_folder(path: Path) -> Folder:
    """Make a folder and open it. Raises `FileExistsError` if it exists already, and `OSError`."""
    if path.name in ("", ".."):  # as in --out .
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    with made_folder(path.parent) as parent:
        return parent.new_folder(path.name)


def check_folder(path: Path) -> None:
    """Raise `OSError` if no folder can be made at this path, or no file in it. Leaves nothing."""
    present = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    with TemporaryFile(dir=present):
        pass


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Yield a new file that becomes `path` at the end of the block.

    If the block raises, nothing changes.
    A link of that name is replaced, not followed. Raises `OSError`.
    """
    with Folder.at(path.parent) as folder, folder.replacing(path.name) as file:
        yield file


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 to `path` as `replacing` does. Raises `OSError`."""
    with replacing(path) as file:
        file.write(encoded(text))


def write_where_named(path: Path, text: str) -> None:
    """Write UTF-8 to a path that the user typed. It may be a device or a pipe: /dev/stdout."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        with path.open("wb") as file:
            file.write(encoded(text))
    else:
        write_text(path, text)


def encoded(text: str) -> bytes:
    """Return the text as UTF-8. A byte of a file name that is not text becomes an escape."""
    return text.encode("utf-8", "backslashreplace")


def file_name(words: str) -> str:
    """Return a plain name for a file, made of words from a results file: `a/b` becomes `a%2Fb`.

    Different words give different names. A very long name is cut, and gets a hash.
    """
    encoded_words = words.encode("utf-8", "surrogatepass")  # JSON may hold half of a character
    name = quote(encoded_words, safe="+")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}-{sha256(encoded_words).hexdigest()[:16]}"
    return name


def link(*names: str) -> str:
    """Return a relative link made of the names of folders and a file, safe in an `href`.

    Without this, a folder called `javascript:alert(1)` would be a script
    (https://www.rfc-editor.org/rfc/rfc3986#section-4.2).
    """
    plain, safe = "/".join(names), "/".join(quote(os.fsencode(name), safe="") for name in names)
    return safe if safe == plain else f"./{safe}"
