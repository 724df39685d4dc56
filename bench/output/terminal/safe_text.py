"""Text for a terminal: the one place where what files, servers and users wrote is made safe.

A terminal obeys control characters: an escape code in a label can rewrite the line above it, set
the window's title, or type into the shell. Bidirectional controls show words in another order than
they have (https://trojansource.codes/). Both are shown as `\\x1b` and `\\u202e`.
"""

import unicodedata

import click

_KEPT = {"\n", "\t", "\N{ZERO WIDTH JOINER}", "\N{ZERO WIDTH NON-JOINER}", "\N{SOFT HYPHEN}"}
"""Of the characters below, those that lay out a text, join emoji, or are needed by scripts."""
_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Control, format and surrogate characters, and line and paragraph separators, as Unicode has them:
https://www.unicode.org/reports/tr44/#General_Category_Values"""


def safe(text: str) -> str:
    """Return the text with every character that a terminal may obey as its escape sequence."""
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def echo(message: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a message, made safe, to stdout or stderr."""
    click.echo(safe(str(message)), err=err, nl=nl)


def echo_over(message: str) -> None:
    """Print a message, made safe, to stderr; the next one takes its place in the line."""
    click.echo(f"\r{safe(message)}\r", nl=False, err=True)


def _shown(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in _UNSAFE:
        return character
    return ascii(character)[1:-1]
