"""The progress on a terminal: a bar, the current step, and the last figures of each backend.

The screen is drawn only on a call, never by a timer. A thread that redraws would take time from the
measurement.
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
    """Lines at the bottom of the terminal inside the `with` block. They are erased at its end."""

    def __init__(self, console: Console, backends: Iterable[str]) -> None:
        """Prepare the screen. `backends`: in the order in which they are shown."""
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

    def note(self, backend: str, figures: str, case: str) -> None:
        """Set the last figures of a backend, and the case they belong to.

        The next `show` draws them.
        """
        self._last[backend] = (figures, case)

    def show(self, what: str, share: float, left_s: float) -> None:
        """Draw the step that begins, the share that is done (0 to 1), and the seconds left."""
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
        known = {name: last for name, last in self._last.items() if last}
        if known:
            yield Text()
            yield _figures(known)


def _figures(known: dict[str, tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(style="dim")
    for name, (figures, case) in known.items():
        # The text is cut in its cell. If rich may not wrap any column, it narrows all of them, and
        # the name disappears.
        table.add_row(name, figures, Text(case, overflow="ellipsis", no_wrap=True))
    return table
