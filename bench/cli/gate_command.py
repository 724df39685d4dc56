"""The command that measures again what a comparison suspects: `bench gate`, ready to be pasted."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.analysis.typed_command import PLACE, kept
from bench.cli.gate_words import percent

if TYPE_CHECKING:
    from bench.analysis.figure import Figure
    from bench.results.header import Header


def gate_command(
    first: Path,
    run: Path,
    header: "Header",
    figure: "Figure",
    margin: float,
    same_code: Sequence[Path] = (),
) -> str:
    """Return the command that gates `run` against `first` and measures again, with these options.

    `header`: that of `run`. `same_code`: further runs of the code of `first`. The names are those
    of folders, because the gate's own runs would become `latest`. A password is not in a file of
    results, so it is `***` here, too.
    """
    from bench.analysis.figure import FIGURES

    name = next(name for name, known in FIGURES.items() if known == figure)
    words = ["bench", "gate", _name(first), "--first", _name(run), "--fail-on", percent(margin)]
    words += [word for folder in same_code for word in ("--same-code", _name(folder))]
    return shlex.join(
        [*words, "--figure", name, *kept(header.command, (*PLACE, "--workload-file"))]
    )


def _name(folder: Path) -> str:
    """Return the run's name in results/, or its path if it is elsewhere."""
    from bench.results import archive

    inside = folder.resolve().parent == archive.home().resolve()
    name = folder.resolve().name if inside else str(folder)
    return str(folder.resolve()) if name.startswith("-") else name
