"""CSV files in which no cell is a formula.

Excel, LibreOffice and Google Sheets run a cell that begins with one of a few characters. OWASP
advises to put a quote before it: https://owasp.org/www-community/attacks/CSV_Injection
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.system import output_files

Write = Callable[[Iterable[Iterable[Any]]], None]

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


def harmless(cell: Any) -> Any:
    """Return the cell, with a quote before a text that a spreadsheet would run.

    Numbers are not changed, negative ones included.
    """
    return _FORMULA.sub(r"\1'", cell) if isinstance(cell, str) else cell
