"""The consoles on which tables and progress are printed.

Every text that they print is safe for a terminal, and none of it is markup: a label may hold
`[red]`.
"""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from bench.output.terminal.safe_text import safe

WIDTH = 100
"""Columns where the output is no terminal: a pipe, a file, CI."""


class SafeConsole(Console):
    """A console that passes every text through `bench.output.terminal.safe_text`.

    Before it is laid out, so that columns stay straight. The escape codes of styles are rich's own.
    """

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        if isinstance(renderable, Text) and (plain := safe(renderable.plain)) != renderable.plain:
            renderable = renderable.copy()
            renderable.plain = plain
        return super().render(renderable, options)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(safe(text), **options)

    def on_broken_pipe(self) -> None:
        """Raise it, where rich would end the whole command: it may have measurements to keep."""
        raise BrokenPipeError


def console(*, stderr: bool = False, quiet: bool = False, width: int = WIDTH) -> Console:
    """Return a console for stdout or stderr, `width` columns wide where that is no terminal."""
    options: dict[str, Any] = {
        "stderr": stderr,
        "quiet": quiet,
        "markup": False,
        "highlight": False,
        "emoji": False,
    }
    made = SafeConsole(**options)
    return made if made.is_terminal else SafeConsole(**options, width=width)
