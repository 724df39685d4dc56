"""A table that cuts no figure off, also in a terminal that is narrower than the table."""

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table

_WIDE = 10_000


class WholeTable(Table):
    """A table whose columns with `no_wrap` are never cut off.

    If the terminal is too narrow, columns that may wrap do so first. If that is not enough, the
    table is wider than the terminal, which breaks its lines: a cut figure would be a wrong one.
    """

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = options.update(max_width=_WIDE)
        for column in self.columns:
            if column.no_wrap:
                cells = [column.header, *column.cells]
                column.min_width = max(Measurement.get(console, wide, c).maximum for c in cells)
        needed = Measurement.get(console, wide, self).minimum
        yield from super().__rich_console__(
            console, options.update(max_width=max(options.max_width, needed))
        )
