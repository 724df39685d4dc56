"""docs/cli.md, from the commands' own --help.

python -m bench.cli.reference docs/cli.md
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.cli.main import cli
from bench.system.output_files import write_text

WIDTH = 88

INTRODUCTION = """\
# The commands

Written by `make docs` from what `--help` says; a test keeps the two equal. Exit codes: 0 all well,
1 a run or a check failed, 2 the command was not understood, 130 Ctrl-C (`bench db status` alone
has 3: not running). `DATABASE_URL` stands in for `--database-url`; `GATHERBENCH_HOME` moves
`results/` and the embedded database to another folder.
"""


def reference() -> str:
    """The whole page."""
    pages = (f"\n## {name}\n\n```text\n{text}\n```\n" for name, text in _helps("bench", cli, None))
    return INTRODUCTION + "".join(pages)


def _helps(name: str, command: Any, parent: Any) -> Iterator[tuple[str, str]]:
    """A command's full name and its help, then those of its own commands."""
    context = command.make_context(
        name.rpartition(" ")[2], [], parent, resilient_parsing=True, terminal_width=WIDTH
    )
    yield name, command.get_help(context).rstrip()
    for each in getattr(command, "list_commands", lambda _: [])(context):
        yield from _helps(f"{name} {each}", command.get_command(context, each), context)


def main() -> None:
    write_text(Path(sys.argv[1]), reference())


if __name__ == "__main__":
    main()
