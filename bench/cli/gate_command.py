"""The command that measures again what a comparison suspects: `bench gate`, ready to be pasted."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.gate_words import percent

if TYPE_CHECKING:
    from bench.analysis.figure import Figure
    from bench.results.header import Header

_KEPT = ("--workload-file", "--backend-module", "--database-url", "--admin-url")
"""The options of a run without which its cases cannot be measured again."""


def gate_command(first: Path, run: Path, header: "Header", figure: "Figure", margin: float) -> str:
    """Return the command that gates `run` against `first` and measures again, with these options.

    `header`: that of `run`. The names are those of folders, because the gate's own runs would
    become `latest`. A password is not in a file of results, so it is `***` here, too.
    """
    from bench.analysis.figure import FIGURES

    name = next(name for name, known in FIGURES.items() if known == figure)
    words = ["bench", "gate", _name(first), "--first", _name(run), "--fail-on", percent(margin)]
    return shlex.join([*words, "--figure", name, *_kept(header.command or "")])


def _name(folder: Path) -> str:
    """Return the run's name in results/, or its path if it is elsewhere."""
    from bench.results import archive

    inside = folder.resolve().parent == archive.home().resolve()
    name = folder.resolve().name if inside else str(folder)
    return str(folder.resolve()) if name.startswith("-") else name


def _kept(command: str) -> Iterator[str]:
    """Yield the options of the command, as recorded, that the gate needs as well."""
    try:
        words = shlex.split(command)
    except ValueError:  # a file that was edited
        return
    for place, word in enumerate(words):
        option, equals, _ = word.partition("=")
        if option in _KEPT:
            yield from words[place : place + (1 if equals else 2)]
