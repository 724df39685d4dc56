"""Safe text for a terminal, from texts of files, servers and users.

A terminal obeys control characters. An escape code in a label can rewrite the line above it, set
the title of the window, or type into the shell. Bidirectional controls show words in another order
(https://trojansource.codes/). Both are shown as escape sequences, such as `\\x1b` and `\\u202e`.
"""

import unicodedata

import click

_KEPT = {"\n", "\t", "\N{ZERO WIDTH JOINER}", "\N{ZERO WIDTH NON-JOINER}", "\N{SOFT HYPHEN}"}
"""The characters of the categories below that are kept: they lay out a text, join emoji, or belong
to a script."""
_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of control, format and surrogate characters, and of line and paragraph
separators: https://www.unicode.org/reports/tr44/#General_Category_Values"""


def safe(text: str) -> str:
    """Return the text with an escape sequence for every character that a terminal may obey."""
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def echo(message: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a message to stdout or stderr, made safe."""
    click.echo(safe(str(message)), err=err, nl=nl)


def echo_over(message: str) -> None:
    """Print a message to stderr, made safe. The next message overwrites it."""
    click.echo(f"\r{safe(message)}\r", nl=False, err=True)


def _shown(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in _UNSAFE:
        return character
    return ascii(character)[1:-1]
