"""The free memory of this process's heaps, used up before a peak of resident memory is measured.

Imports leave free blocks behind, of Python's allocator and of the C library's. They are resident,
so an answer that goes into them does not raise resident memory: a peak below a few megabytes is
read too low. Here they are filled, and what fills them is held until the peak is known.
"""

import ctypes
import gc
import platform
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

_ROLLUP = Path("/proc/self/smaps_rollup")
"""Resident memory, counted page by page. The counter in `status` lags by some pages for each
processor (https://docs.kernel.org/filesystems/proc.html)."""

STEP_BYTES = 64 << 10
"""The memory that is filled between two looks at resident memory."""
MOST_BYTES = 8 << 20
"""The most that is filled with blocks of one size, whatever resident memory shows."""

_SIZES = (65536, 16384, 4096, 2048, 1024, *range(512, 0, -16))
"""Blocks of the C library, then each size of Python's allocator (Objects/obmalloc.c)."""
_HEADER_BYTES = b"".__sizeof__()


def use_up() -> list[Any]:
    """Fill the free memory of the heaps, and return what fills it. Linux only; elsewhere nothing.

    Free pages of the C library's heap are given back to the system before.
    """
    gc.collect()
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
    held: list[Any] = []
    with suppress(OSError):
        now = _resident_kb()
        for size in _SIZES:
            filled, before = 0, now
            while filled < MOST_BYTES and now <= before:
                held.append([_block(size) for _ in range(STEP_BYTES // size)])
                filled += STEP_BYTES
                now = _resident_kb()
    return held


def _block(size: int) -> Any:
    if size > _HEADER_BYTES:
        return bytes(size - _HEADER_BYTES)
    return object() if size == object().__sizeof__() else 1.5 * size  # 16 bytes, a float of 24


def _resident_kb() -> int:
    found = re.search(r"^Rss:\s+(\d+) kB", _ROLLUP.read_text(), re.MULTILINE)
    return int(found[1]) if found else 0
