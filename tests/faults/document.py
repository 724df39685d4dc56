"""Write docs/faults.md: every fault of the suite, what the user sees, and the exit code.

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
"""Heading -> the module with its faults, in the order of the document."""

_INTRODUCTION = """\
# Faults

This page shows what a user sees when something goes wrong. Each row is a test in `tests/faults/`: a
real fault of a real server, process or disk. The page quotes the first line of an error, with … for
the parts that vary; the second line says what to type. Runs that were finished before the fault are
kept, and `bench charts` draws them. No traceback is printed. No process, lock or partial schema
remains.

Exit codes: 0 success, 1 a failed run, 2 wrong usage, 130 interrupted. A negative code is the number
of the signal that ended the command. Without a code, the command continues.

`make test-all ARGS=tests/faults` runs the suite in some minutes. Tests that need root, a file
system or PgBouncer are skipped if these are not available, and give the reason. `make docs` writes
this page.
"""


def document() -> str:
    """Return the whole page."""
    return "\n".join([_INTRODUCTION, *map(_section, SUBJECTS)])


def _section(subject: str) -> str:
    module = import_module(f"tests.faults.{SUBJECTS[subject]}")
    rows = "\n".join(map(_row, _faults(vars(module).values())))
    return f"## {subject}\n\n| fault | what is seen | exit code |\n|---|---|---|\n{rows}\n"


def _faults(values: Iterable[Any]) -> Iterable[Fault]:
    """Return the faults among the values of a module and in its tables, in their order."""
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
