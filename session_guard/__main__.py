"""`python -m session_guard PATH...`: look for shared sessions in source code."""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from session_guard.lint import MESSAGES, check

FOUND, USAGE = 1, 2
_NOT_OURS = {"node_modules", "site-packages", "__pycache__", "build", "dist", "venv"}


def main(arguments: list[str] | None = None) -> int:
    """Print each finding. 0: none; 1: some; 2: a path that is not there, or not Python."""
    parser = argparse.ArgumentParser(
        prog="python -m session_guard",
        description="Find SQLAlchemy sessions that several tasks share, as far as source code shows"
        " it. What it can't see, the guard sees when it runs.",
        epilog="rules: "
        + "; ".join(f"{rule} {text}" for rule, text in MESSAGES.items())
        # As they stand, with a placeholder for the name.
        .replace("{name!r}", "a name")
        .replace("{name}()", "a function"),
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file or a folder")
    code = 0
    for path in parser.parse_args(arguments).paths:
        if not path.exists():
            print(f"error: there is no {path}", file=sys.stderr)
            code = USAGE
        for file in _python_files(path):
            code = max(code, _check_file(file))
    return code


def _check_file(file: Path) -> int:
    try:
        found = check(file.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:
        print(f"error: {file} can't be read as Python: {error}", file=sys.stderr)
        return USAGE
    for each in found:
        print(f"{file}:{each.line}:{each.column}: {each.rule} {each.text}")
    return FOUND if found else 0


def _python_files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(f for f in folders if f not in _NOT_OURS and not f.startswith("."))
        yield from (Path(folder) / file for file in sorted(files) if file.endswith(".py"))


if __name__ == "__main__":
    sys.exit(main())
