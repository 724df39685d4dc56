"""Safe reading of untrusted files: only regular files, and only lines of limited length."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from bench.results.decoding import LineError

LONGEST_HEADER = 16 * 2**20
"""Longest header in bytes. The header of the full profile has a hundredth of it."""
LONGEST_LINE = 512 * 2**20
"""Longest line in bytes. A run of an hour at 10,000 operations a second has about half of it."""
_TAIL = 65_536
"""Number of bytes at the end of a file in which the last line is searched."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading.

    Raises `OSError` for any other file: opening a FIFO would wait for a writer, and reading a
    device may never end.
    """
    # O_NONBLOCK keeps the opening of a FIFO from waiting; regular files ignore it.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def first_line(file: BinaryIO) -> bytes:
    """Return the first line, without a byte order mark.

    Some editors write that mark; a reader may ignore it
    (https://www.rfc-editor.org/rfc/rfc8259#section-8.1). Raises `LineError` for an empty file, and
    for a line that is longer than any header.
    """
    file.seek(0)
    line = file.readline(LONGEST_HEADER + 1)
    if not line:
        raise LineError("it is empty")
    if len(line) > LONGEST_HEADER:
        raise LineError(f"its first line is longer than {LONGEST_HEADER // 2**20} MiB")
    return line.removeprefix(_BYTE_ORDER_MARK)


def numbered_lines(file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Yield number, offset and text of the lines after the first, of at most `LONGEST_LINE` bytes.

    Numbers begin with 2.

    The rest of a longer line gets the next number. No part of it is JSON.
    """
    number, offset = 2, file.tell()
    while line := file.readline(LONGEST_LINE):
        yield number, offset, line
        number, offset = number + 1, offset + len(line)


def whole(file: BinaryIO) -> bytes:
    """Return the whole file, without a byte order mark. Raises `LineError` for a large file."""
    text = file.read(LONGEST_HEADER + 1)
    if len(text) > LONGEST_HEADER:
        raise LineError(f"it is larger than {LONGEST_HEADER // 2**20} MiB")
    return text.removeprefix(_BYTE_ORDER_MARK)


def last_line(file: BinaryIO) -> bytes:
    """Return the last line, or the end of a long last line; empty for an empty file."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL))
    lines = file.read(_TAIL).splitlines()
    return lines[-1] if lines else b""


def at_end(file: BinaryIO) -> bool:
    """Return whether the file is at its end."""
    position = file.tell()
    ended = not file.read(1)
    file.seek(position)
    return ended
