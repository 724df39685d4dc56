"""Writes docs/faults.md: every fault of the suite, what a user sees, and the exit code.

.venv/bin/python -m tests.faults.document docs/faults.md
"""

import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.faults.fault import Fault

SUBJECTS = {
    "The server": "test_server",
    "The connection that holds the lock": "test_connection",
    "Poolers": "test_poolers",
    "Processes": "test_processes",
    "Signals": "test_signals",
    "Disks and folders": "test_disks",
    "Limits of the system, and of the terminal": "test_limits",
    "Backend modules": "test_modules",
    "Users and URLs": "test_users",
}
"""Heading -> the module that holds its faults, in the order of the document."""

_INTRODUCTION = """\
# Faults

What a user sees when something goes wrong. Each row is a test in `tests/faults/`: a real fault,
done to a real server, process or disk. The first line of an error is quoted, with … for what
differs from case to case; its second line says what to type. Whatever was measured before is kept,
and `bench charts` draws it. No traceback is printed. No process, lock or half a schema is left
behind.

Exit codes: 0 all well, 1 a failed run, 2 usage, 130 interrupted. A negative one is the number of
the signal that ended the command. Where none stands, the command goes on.

`make test-all ARGS=tests/faults` runs the suite, in some minutes. Tests that need root, a file
system of their own or PgBouncer are skipped where these can't be had, and say so. `make docs`
writes this page.
"""


def document() -> str:
    """The whole page."""
    return "\n".join([_INTRODUCTION, *map(_section, SUBJECTS)])


def _section(subject: str) -> str:
    module = import_module(f"tests.faults.{SUBJECTS[subject]}")
    rows = "\n".join(map(_row, _faults(vars(module).values())))
    return f"## {subject}\n\n| fault | what is seen | exit code |\n|---|---|---|\n{rows}\n"


def _faults(values: Iterable[Any]) -> Iterable[Fault]:
    """Those among the values of a module, and in its tables, in their order."""
    for value in values:
        if isinstance(value, Fault):
            yield value
        elif isinstance(value, Mapping):
            yield from (inner for inner in value.values() if isinstance(inner, Fault))


def _row(fault: Fault) -> str:
    code = "" if fault.code is None else fault.code
    seen = f"`{fault.seen}`" if fault.seen.startswith("error: ") else fault.seen
    return f"| {fault.what} | {seen} | {code} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(document(), encoding="utf-8")
