"""The functions of pgbench's expressions: arithmetic, random numbers, hashes and a permutation.

https://www.postgresql.org/docs/current/pgbench.html#PGBENCH-BUILTIN-FUNCTIONS
"""

import math
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

Number = int | float
Value = int | float | bool | None
"""A value of pgbench: a 64-bit integer, a double, a boolean or NULL."""

_LEAST_GAUSSIAN = 2.0
_LEAST, _MOST = -(2**63), 2**63 - 1
_BITS = 2**64 - 1
_PERMUTATION_ROUNDS = 6


class ExpressionError(Exception):
    """An expression that is not pgbench's, or that has no value."""


def integer(value: Any) -> int:
    """Return the value as pgbench makes an integer of it: a double is rounded, as C's rint()."""
    if isinstance(value, bool):
        raise ExpressionError("a boolean is no integer")
    if isinstance(value, float):
        if not _LEAST <= value <= _MOST:  # also NaN
            raise ExpressionError(f"{value:g} is out of the range of bigint")
        value = round(value)
    return in_range(value)


def in_range(value: int) -> int:
    """Return an integer of 64 bits. Raises `ExpressionError` for a larger one."""
    if not _LEAST <= value <= _MOST:
        raise ExpressionError(f"{value} is out of the range of bigint")
    return value


def double(value: Any) -> float:
    """Return a number as a double. Raises `ExpressionError` for a boolean."""
    if isinstance(value, bool):
        raise ExpressionError("a boolean is no number")
    return float(value)


def _range(low: Value, high: Value) -> tuple[int, int]:
    first, last = integer(low), integer(high)
    if first > last:
        raise ExpressionError(f"the range from {low} to {high} is empty")
    return first, last


def _uniform(random: Random, low: Value, high: Value) -> int:
    return random.randint(*_range(low, high))


def _gaussian(random: Random, low: Value, high: Value, parameter: Value) -> int:
    """Draw as pgbench's getGaussianRand: a normal deviate cut at +-parameter, scaled to the range.

    https://github.com/postgres/postgres/blob/REL_17_STABLE/src/bin/pgbench/pgbench.c
    """
    first, last = _range(low, high)
    cut = double(parameter)
    if cut < _LEAST_GAUSSIAN:
        raise ExpressionError(f"random_gaussian needs a parameter of at least {_LEAST_GAUSSIAN:g}")
    deviate = random.gauss(0, 1)
    while not -cut <= deviate < cut:
        deviate = random.gauss(0, 1)
    return first + int((last - first + 1) * (deviate + cut) / (cut * 2))


def _exponential(random: Random, low: Value, high: Value, parameter: Value) -> int:
    """Draw as pgbench's getExponentialRand."""
    first, last = _range(low, high)
    rate = double(parameter)
    if rate <= 0:
        raise ExpressionError("random_exponential needs a parameter above 0")
    cut = math.exp(-rate)
    share = -math.log(cut + (1 - cut) * (1 - random.random())) / rate
    return first + min(last - first, int((last - first + 1) * share))


def _zipfian(random: Random, low: Value, high: Value, parameter: Value) -> int:
    """Draw as pgbench's computeIterativeZipfian (Devroye 1986, page 550)."""
    first, last = _range(low, high)
    exponent = double(parameter)
    if not 1.001 <= exponent <= 1000:
        raise ExpressionError("random_zipfian needs a parameter from 1.001 to 1000")
    amount, power = last - first + 1, exponent - 1
    base = 2.0**power
    while True:
        # 1 - random() is never 0.
        place: int = math.floor((1 - random.random()) ** (-1 / power))
        if place > amount:
            continue
        height = (1 + 1 / place) ** power
        if random.random() * place * (height - 1) / (base - 1) <= height / base:
            return first - 1 + place


def _signed(bits: int) -> int:
    bits &= _BITS
    return bits - 2**64 if bits > _MOST else bits


def hash_fnv1a(value: Value, seed: Value) -> int:
    """Return the FNV-1a hash of an integer's eight bytes, the lowest first.

    http://www.isthe.com/chongo/tech/comp/fnv/
    """
    result = 0xCBF29CE484222325 ^ (integer(seed) & _BITS)
    for byte in (integer(value) & _BITS).to_bytes(8, "little"):
        result = ((result ^ byte) * 0x100000001B3) & _BITS
    return _signed(result)


def hash_murmur2(value: Value, seed: Value) -> int:
    """Return MurmurHash64A of an integer's eight bytes.

    https://github.com/aappleby/smhasher/blob/master/src/MurmurHash2.cpp
    """
    factor, shift = 0xC6A4A7935BD1E995, 47

    def mixed(bits: int) -> int:
        return bits ^ (bits >> shift)

    block = (mixed(((integer(value) & _BITS) * factor) & _BITS) * factor) & _BITS
    result = (integer(seed) & _BITS) ^ ((8 * factor) & _BITS)
    result = ((result ^ block) * factor) & _BITS
    return _signed(mixed((mixed(result) * factor) & _BITS))


class _Xoroshiro:
    """PostgreSQL's random numbers: xoroshiro128**, seeded by splitmix64.

    https://prng.di.unimi.it/
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed & _BITS
        self._low, self._high = self._split(), self._split()

    def _split(self) -> int:
        self._seed = (self._seed + 0x9E3779B97F4A7C15) & _BITS
        bits = self._seed
        bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _BITS
        bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _BITS
        return bits ^ (bits >> 31)

    def draw(self) -> int:
        """Return 64 bits."""

        def rotated(bits: int, by: int) -> int:
            return ((bits << by) | (bits >> (64 - by))) & _BITS

        low, mixed = self._low, self._low ^ self._high
        self._low = (rotated(low, 24) ^ mixed ^ (mixed << 16)) & _BITS
        self._high = rotated(mixed, 37)
        return (rotated((low * 5) & _BITS, 7) * 9) & _BITS

    def below(self, amount: int) -> int:
        """Return a number from 0 on, below the amount."""
        while True:
            drawn = self.draw() >> (64 - (amount - 1).bit_length())
            if drawn < amount:
                return drawn


def permute(value: Value, amount: Value, seed: Value) -> int:
    """Return the place of a number in pgbench's permutation of the numbers below `amount`.

    Each round multiplies, XORs and rotates the lower and the upper part, which overlap, and adds an
    offset. https://github.com/postgres/postgres/blob/REL_17_STABLE/src/bin/pgbench/pgbench.c
    """
    size = integer(amount)
    if size < 1:
        raise ExpressionError("permute needs a size above 0")
    if size == 1:
        return 0
    chance = _Xoroshiro(integer(seed))
    place = (integer(value) & _BITS) % size
    width = size.bit_length() - 1
    mask = (1 << width) - 1

    def mixed(number: int, factor: int, other: int) -> int:
        bits = ((number * factor) ^ other) & mask
        return ((bits << 1) & mask) | (bits >> (width - 1))

    for _ in range(_PERMUTATION_ROUNDS):
        factor, other = (chance.draw() & mask) | 1, chance.draw() & mask
        if place <= mask:
            place = mixed(place, factor, other)
        factor, other = (chance.draw() & mask) | 1, chance.draw() & mask
        if size - 1 - place <= mask:
            place = size - 1 - mixed(size - 1 - place, factor, other)
        place = (place + chance.below(size)) % size
    return place


def _absolute(value: Any) -> Number:
    return abs(double(value)) if isinstance(value, float) else in_range(abs(integer(value)))


def _extreme(choose: Callable[..., Any], values: tuple[Any, ...]) -> Number:
    doubles = any(isinstance(value, float) for value in values)
    chosen: Number = choose(map(double if doubles else integer, values))
    return chosen


def _real(function: Callable[..., float]) -> Callable[..., float]:
    def called(_: Random, *values: Any) -> float:
        try:
            return float(function(*map(double, values)))
        except ValueError:
            return math.nan  # as in C
        except OverflowError:
            return math.inf

    return called


def remainder(left: int, right: int) -> int:
    """Return the remainder of two integers, with the sign of the first, as in C."""
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


FUNCTIONS: Mapping[str, tuple[int, int, Callable[..., Value]]] = {
    "random": (2, 2, _uniform),
    "random_gaussian": (3, 3, _gaussian),
    "random_exponential": (3, 3, _exponential),
    "random_zipfian": (3, 3, _zipfian),
    "abs": (1, 1, lambda _, value: _absolute(value)),
    "debug": (1, 1, lambda _, value: value),
    "int": (1, 1, lambda _, value: integer(value)),
    "double": (1, 1, lambda _, value: double(value)),
    "sqrt": (1, 1, _real(math.sqrt)),
    "exp": (1, 1, _real(math.exp)),
    "ln": (1, 1, _real(lambda value: -math.inf if value == 0 else math.log(value))),
    "pi": (0, 0, lambda _: math.pi),
    "pow": (2, 2, _real(math.pow)),
    "power": (2, 2, _real(math.pow)),
    "mod": (2, 2, lambda _, left, right: remainder(integer(left), integer(right))),
    "least": (1, 99, lambda _, *values: _extreme(min, values)),
    "greatest": (1, 99, lambda _, *values: _extreme(max, values)),
    "hash": (2, 2, lambda _, value, seed: hash_murmur2(value, seed)),
    "hash_murmur2": (2, 2, lambda _, value, seed: hash_murmur2(value, seed)),
    "hash_fnv1a": (2, 2, lambda _, value, seed: hash_fnv1a(value, seed)),
    "permute": (3, 3, lambda _, value, size, seed: permute(value, size, seed)),
}
"""Name -> the least and the most arguments, and the function."""

DEFAULT_SEED = "default_seed"
"""The variable that hashes and the permutation take for a seed that is left out."""
SEEDED = {"hash": 1, "hash_murmur2": 1, "hash_fnv1a": 1, "permute": 2}
"""Function -> the number of its arguments before the seed."""
