"""The text of docs/cli.md, made from the --help of every command."""

from collections.abc import Iterator
from typing import Any

from bench.cli.main import cli

WIDTH = 88

INTRODUCTION = """\
# The commands

`make docs` writes this page from `--help`, and a test keeps the two equal.

Exit codes: 0 success, 1 a run or a check failed, 2 the command was not understood, 130 Ctrl-C.
`bench db status` also has 3: the server is not running. The variable `DATABASE_URL` replaces
`--database-url`. `GATHERBENCH_HOME` names another folder for `results/` and the embedded database.
"""


def reference() -> str:
    """Return the whole page."""
    pages = (f"\n## {name}\n\n```text\n{text}\n```\n" for name, text in _helps("bench", cli, None))
    return INTRODUCTION + "".join(pages)


def _helps(name: str, command: Any, parent: Any) -> Iterator[tuple[str, str]]:
    """Yield a command's full name and its help, then those of its subcommands."""
    context = command.make_context(
        name.rpartition(" ")[2], [], parent, resilient_parsing=True, terminal_width=WIDTH
    )
    yield name, command.get_help(context).rstrip()
    for child in getattr(command, "list_commands", lambda _: [])(context):
        yield from _helps(f"{name} {child}", command.get_command(context, child), context)
