"""Decoding of untrusted JSON by a type. Every refusal is a `LineError` with its reason."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from bench.model.errors import UsageError

_LONE_SURROGATE = re.compile(
    rb"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)

_Value = TypeVar("_Value")


class LineError(ValueError):
    """The error for a line that breaks the format. Its text is the reason, without the file."""


def decode(decoder: "msgspec.json.Decoder[_Value]", text: bytes) -> _Value:
    """Return the value of the JSON text, checked by the decoder's type. Raises `LineError`."""
    with refused():
        return decoder.decode(_readable(text))


@contextmanager
def refused() -> Iterator[None]:
    """Raise errors that malformed text causes in the block as `LineError`."""
    try:
        yield
    except (ValueError, RecursionError, OverflowError, MemoryError, UsageError) as error:
        raise LineError(_reason(error)) from error


def _readable(line: bytes) -> bytes:
    """Return the line with lone surrogates replaced.

    Earlier versions wrote them, as `json.dumps` does, for command-line arguments that were not
    UTF-8. Refusing them would lose those runs.
    """
    # One byte is found much faster than two, and most lines have no backslash.
    if b"\\" not in line or (rb"\ud" not in line and rb"\uD" not in line):
        return line
    return _LONE_SURROGATE.sub(lambda match: match[1] or rb"\ufffd", line)


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, MemoryError):
        return "it does not fit into memory"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return str(error).partition("\n")[0].rstrip(".")[:500]
