"""Output to a stream that can't encode every character: plainer characters replace these."""

import codecs
import io
import sys
import unicodedata

_PLAIN = {
    "µ": "u",
    "±": "+-",
    "\N{MULTIPLICATION SIGN}": "x",
    "…": "...",
    "→": "->",
    "≈": "~",
    "≤": "<=",
    "≥": ">=",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "“": '"',
    "”": '"',
}


def write_plainly() -> None:
    """Make stdout and stderr accept any text, in any encoding, such as ASCII with LANG=C."""
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Return the replacement of the text that can't be encoded, and where encoding continues.

    An error handler of `codecs`.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    return "".join(map(_in_ascii, characters)), error.end


def _in_ascii(character: str) -> str:
    plain = _PLAIN.get(character) or unicodedata.normalize("NFKD", character)
    return plain.encode("ascii", "ignore").decode() or "?"
