"""The state of glibc's memory allocator in this process.

glibc serves a large block by `mmap`, and returns it by `munmap`. The size from which it does so is
128 KiB at first, and grows to the size of the largest such block that was freed, up to 32 MiB
(https://man7.org/linux/man-pages/man3/mallopt.3.html, M_MMAP_THRESHOLD). asyncio allocates 256 KiB
for each read of a socket. So a program that has never freed a larger block pays for `mmap`,
`mremap`, `munmap` and two page faults at each read, and another program does not.
"""

import ctypes
import os
import platform

from bench.model.case import Allocator

WARMING_BYTES = 8 << 20
"""The block that is allocated and freed. It is above every buffer of a driver, and below glibc's
limit of 32 MiB."""

INITIAL_THRESHOLD_BYTES = 128 << 10
"""glibc's M_MMAP_THRESHOLD and M_TRIM_THRESHOLD when a program starts."""

FIXED_BY = (
    *("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"),
    *("MALLOC_TOP_PAD_", "MALLOC_MMAP_MAX_", "GLIBC_TUNABLES"),
)
"""The variables that fix the threshold at its value: with one of them, no freed block raises it."""

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3


def bring_into(state: Allocator) -> None:
    """Bring the allocator of this process into the state.

    `fresh` sets glibc's initial thresholds, which then no longer grow, for as long as the process
    lives. `warmed` frees a large block, or sets the thresholds that this gives where the
    environment would keep them from growing. With another C library `fresh` changes nothing, and
    `warmed` does no harm.
    """
    if state == "warmed":
        bytearray(WARMING_BYTES)
        if any(name in os.environ for name in FIXED_BY):
            _fix(WARMING_BYTES, 2 * WARMING_BYTES)
    else:
        _fix(INITIAL_THRESHOLD_BYTES, INITIAL_THRESHOLD_BYTES)


def _fix(mmap_threshold_bytes: int, trim_threshold_bytes: int) -> None:
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, mmap_threshold_bytes)
        libc.mallopt(_M_TRIM_THRESHOLD, trim_threshold_bytes)
