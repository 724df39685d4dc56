"""CSV files in which no cell is a formula.

Excel, LibreOffice and Google Sheets run a cell that begins with one of a few characters. OWASP
advises to put a quote before it: https://owasp.org/www-community/attacks/CSV_Injection
"""

import csv
import io
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.system import output_files

Write = Callable[[Iterable[Iterable[Any]]], None]
WriteColumns = Callable[[Sequence[Sequence[Any]]], None]

# The pattern also finds a formula after a separator of another locale (`;`, `|`, tab), and one that
# begins with a full-width character, which some spreadsheets treat as the plain one.
_FORMULA = re.compile(r'((?:^|[;|\t\r\n])[ "]*)(?=[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])')


@contextmanager
def replacing(path: Path) -> Iterator[Write]:
    """Yield a function that writes rows to a new file, which becomes `path` after the `with` block.

    Raises `OSError` if the file can't be written.
    """
    with output_files.replacing(path) as file:
        text = io.TextIOWrapper(file, "utf-8", errors="backslashreplace", newline="")
        writer = csv.writer(text)
        try:
            yield lambda rows: writer.writerows(map(harmless, row) for row in rows)
        finally:
            text.detach()


@contextmanager
def replacing_by_columns(path: Path) -> Iterator[WriteColumns]:
    """Yield what `replacing` yields, but for columns of equal length: for millions of rows.

    A number in an array is written as it is; of the cells in a list, each different one is made
    into text once. The text is the same as that of `replacing`.
    """
    with output_files.replacing(path) as file:

        def write(columns: Sequence[Sequence[Any]]) -> None:
            lines = map(",".join, zip(*map(_texts, columns), strict=True))
            file.write("".join(f"{line}\r\n" for line in lines).encode("utf-8", "backslashreplace"))

        yield write


def _texts(column: Sequence[Any]) -> Iterable[str]:
    if isinstance(column, array):
        return map(str, column)
    made: dict[tuple[type, Any], str] = {}
    for cell in column:
        if (type(cell), cell) not in made:
            made[type(cell), cell] = _text(cell)
    return [made[type(cell), cell] for cell in column]


def _text(cell: Any) -> str:
    """Return the cell as the csv module writes it."""
    line = io.StringIO()
    csv.writer(line).writerow([harmless(cell), 0])
    return line.getvalue().removesuffix(",0\r\n")


def harmless(cell: Any) -> Any:
    """Return the cell, with a quote before a text that a spreadsheet would run.

    Numbers are not changed, negative ones included.
    """
    return _FORMULA.sub(r"\1'", cell) if isinstance(cell, str) else cell
