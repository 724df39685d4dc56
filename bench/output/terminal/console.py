"""The consoles that print tables and progress.

Every text that they print is safe for a terminal. No text is markup, since a label may contain
`[red]`.
"""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from bench.output.terminal.safe_text import safe

WIDTH = 100
"""The columns of an output that is not a terminal: a pipe, a file, CI."""

WIDE = 120
"""The same for a table with more columns, such as that of a comparison."""


class SafeConsole(Console):
    """A console that makes every text safe with `bench.output.terminal.safe_text`.

    It does so before the layout, so that columns stay aligned. Escape codes of styles come from
    rich, and are kept.
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

    def print(self, *objects: Any, crop: bool = False, **options: Any) -> None:
        """Print, and cut nothing off: a terminal breaks a line that is too long for it."""
        super().print(*objects, crop=crop, **options)

    def on_broken_pipe(self) -> None:
        """Raise `BrokenPipeError`. rich would end the command, which may have to keep results."""
        raise BrokenPipeError


def console(*, stderr: bool = False, quiet: bool = False, width: int = WIDTH) -> Console:
    """Return a console for stdout or stderr, `width` columns wide if that is not a terminal."""
    options: dict[str, Any] = {
        "stderr": stderr,
        "quiet": quiet,
        "markup": False,
        "highlight": False,
        "emoji": False,
    }
    created = SafeConsole(**options)
    return created if created.is_terminal else SafeConsole(**options, width=width)
