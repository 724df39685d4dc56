"""The state of glibc's memory allocator in this process.

glibc serves a large block by `mmap`, and returns it by `munmap`. The size from which it does so is
128 KiB at first, and grows to the size of the largest such block that was freed, up to 32 MiB
(https://man7.org/linux/man-pages/man3/mallopt.3.html, M_MMAP_THRESHOLD). asyncio allocates 256 KiB
for each read of a socket. So a program that has never freed a larger block pays for `mmap`,
`mremap`, `munmap` and two page faults at each read, and another program does not.
"""

import ctypes
import platform

from bench.model.case import Allocator

WARMING_BYTES = 8 << 20
"""The block that is allocated and freed. It is above every buffer of a driver, and below glibc's
limit of 32 MiB."""

INITIAL_THRESHOLD_BYTES = 128 << 10
"""glibc's M_MMAP_THRESHOLD and M_TRIM_THRESHOLD when a program starts."""

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3


def bring_into(state: Allocator) -> None:
    """Bring the allocator of this process into the state.

    `fresh` sets glibc's initial thresholds, which then no longer grow, for as long as the process
    lives. With another C library `fresh` changes nothing, and `warmed` does no harm.
    """
    if state == "warmed":
        bytearray(WARMING_BYTES)
    elif platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, INITIAL_THRESHOLD_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, INITIAL_THRESHOLD_BYTES)
