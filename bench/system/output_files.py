"""Writing a file: whole or not at all, and never through a link that somebody put there."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO
from urllib.parse import quote

from bench.system.folder import Folder

_LONGEST_NAME = 200  # bytes; file systems take 255, and a suffix follows


def made_folder(path: Path) -> Folder:
    """Open a folder that the user named, made where it is missing. Raises `OSError`."""
    with suppress(FileExistsError):  # what is no folder is refused when it is opened
        path.mkdir(parents=True, exist_ok=True)
    return Folder.at(path)


def new_folder(path: Path) -> Folder:
    """Make a folder and open it. Raises `FileExistsError` where it is there already, `OSError`."""
    if path.name in ("", ".."):  # as in --out .
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    with made_folder(path.parent) as parent:
        return parent.new_folder(path.name)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Give a new file that becomes `path` on leaving; where the block raises, nothing changes.

    A link of that name is replaced, not followed. Raises `OSError`.
    """
    with Folder.at(path.parent) as folder, folder.replacing(path.name) as file:
        yield file


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 to `path` as `replacing` does. Raises `OSError`."""
    with replacing(path) as file:
        file.write(encoded(text))


def write_where_named(path: Path, text: str) -> None:
    """Write to a path that the user typed, which may be a device or a pipe, as /dev/stdout is."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        with path.open("wb") as file:
            file.write(encoded(text))
    else:
        write_text(path, text)


def encoded(text: str) -> bytes:
    """Return UTF-8; a byte of a file's name that is no text is shown as an escape."""
    return text.encode("utf-8", "backslashreplace")


def file_name(words: str) -> str:
    """Return a plain name for a file, made of words from a results file: `a/b` becomes `a%2Fb`.

    Different words give different names; very long ones are cut, and told apart by a hash.
    """
    known = words.encode("utf-8", "surrogatepass")  # JSON may hold half of a character
    name = quote(known, safe="+")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}-{sha256(known).hexdigest()[:16]}"
    return name


def link(*names: str) -> str:
    """Return a relative link made of the names of folders and a file, safe in an `href`.

    As it stands, a folder called `javascript:alert(1)` would be a script
    (https://www.rfc-editor.org/rfc/rfc3986#section-4.2).
    """
    plain, safe = "/".join(names), "/".join(quote(os.fsencode(name), safe="") for name in names)
    return safe if safe == plain else f"./{safe}"
