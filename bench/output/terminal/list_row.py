"""A row of a list: a name in its column, and a text beside it."""

from textwrap import wrap

from bench.output.terminal.console import console
from bench.output.terminal.safe_text import echo, safe

_NARROWEST = 24
"""The narrowest column of texts. In a terminal with less room, lines break at its edge."""


def echo_row(name: str, width: int, text: str, *, left: int = 2) -> None:
    """Print a name in a column of `width`, and the text beside it in lines that fit the terminal.

    `left`: the spaces before the name.
    """
    first = f"{' ' * left}{name:{width}} "
    lines = wrap(
        safe(text),
        max(_NARROWEST, console().width - len(first)),
        break_long_words=False,
        break_on_hyphens=False,
    )
    for place, line in enumerate(lines or [""]):
        echo(f"{' ' * len(first) if place else first}{line}")
