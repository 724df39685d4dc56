"""Draws: the pseudo-random 32-bit numbers that every generated value comes from.

A draw is a hash of the row's number and of what is drawn, in integer arithmetic only, so that the
server's SQL and this Python agree. `random()` is another generator in every PostgreSQL version,
and `hashtext()` promises nothing between platforms.
"""

import zlib

MASK = 0xFFFF_FFFF
FACTORS = (0x7FEB_352D, 0x846C_A68B)
SHIFTS = (16, 15, 16)


def mix(number: int) -> int:
    """Return a well-mixed 32-bit hash of a 32-bit number, one to one.

    `lowbias32` of Chris Wellons' hash-prospector (public domain).
    """
    for shift, factor in zip(SHIFTS, FACTORS, strict=False):
        number ^= number >> shift
        number = number * factor & MASK
    return number ^ number >> SHIFTS[-1]


def key(seed: int, purpose: str) -> int:
    """Return the number that sets the draws for one purpose apart from those for another."""
    return mix(mix(seed) ^ zlib.crc32(purpose.encode()))
