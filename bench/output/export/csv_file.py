"""A CSV file that a spreadsheet reads as data: no cell of it is a formula.

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

# Also after what another country's spreadsheet takes for the end of a cell, and as full-width
# characters, which some take for the plain ones.
_FORMULA = re.compile(r'((?:^|[;|\t\r\n])[ "]*)(?=[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])')


@contextmanager
def replacing(path: Path) -> Iterator[Write]:
    """Give what writes rows to a new file, which becomes `path` on leaving. Raises `OSError`."""
    with output_files.replacing(path) as file:
        text = io.TextIOWrapper(file, "utf-8", errors="backslashreplace", newline="")
        writer = csv.writer(text)
        try:
            yield lambda rows: writer.writerows(map(harmless, row) for row in rows)
        finally:
            text.detach()


def harmless(cell: Any) -> Any:
    """Return the cell; a text that a spreadsheet would run has a quote before it.

    Numbers stay numbers, negative ones too.
    """
    return _FORMULA.sub(r"\1'", cell) if isinstance(cell, str) else cell
