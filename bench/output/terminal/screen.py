"""A terminal that follows a measurement: a bar, what is measured now, each backend's last figures.

Drawn when it is told something, never by a clock of its own: a thread that redraws would take its
time from what is measured.
"""

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text


class Screen:
    """At the bottom of the terminal, for as long as it is entered; gone without a trace then."""

    def __init__(self, console: Console, backends: Iterable[str]) -> None:
        """`backends`: in the order in which they are shown."""
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._last: dict[str, tuple[str, str] | None] = dict.fromkeys(backends)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def note(self, backend: str, figures: str, of: str) -> None:
        """A backend's last figures, and of what they are; seen with the next `show`."""
        self._last[backend] = (figures, of)

    def show(self, what: str, share: float, left_s: float) -> None:
        """What begins now, how much is done (from 0 to 1), and how long the rest will take."""
        self._live.update(Group(*self._parts(what, share, left_s)), refresh=True)

    def _parts(self, what: str, share: float, left_s: float) -> Iterable[RenderableType]:
        yield Text(what, overflow="ellipsis", no_wrap=True)
        bar = Table.grid(padding=(0, 1), expand=True)
        bar.add_column(ratio=1)
        bar.add_column(justify="right", no_wrap=True)
        bar.add_row(
            ProgressBar(total=1, completed=share), f"{share:.0%}, about {left_s:.0f} s left"
        )
        yield bar
        seen = {name: last for name, last in self._last.items() if last}
        if seen:
            yield Text()
            yield _figures(seen)


def _figures(seen: dict[str, tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(style="dim")
    for name, (figures, of) in seen.items():
        # Cut in the cell: of columns that must not wrap, rich narrows all, down to no name at all.
        table.add_row(name, figures, Text(of, overflow="ellipsis", no_wrap=True))
    return table
