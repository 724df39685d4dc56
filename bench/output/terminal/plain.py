"""Output where not every character can be written: a plainer one takes its place."""

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
    """Have stdout and stderr take any text, whatever their encoding: ASCII in LANG=C, Latin-1."""
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    """An error handler of codecs: the text to write in place of what can't be, where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    return "".join(map(_in_ascii, characters)), error.end


def _in_ascii(character: str) -> str:
    plain = _PLAIN.get(character) or unicodedata.normalize("NFKD", character)
    return plain.encode("ascii", "ignore").decode() or "?"
