"""The runs in results/: found by name, by place, by age."""

import json
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from bench.model.errors import UsageError
from bench.results.file import RUN_FILE
from bench.system import home as project

REFERENCE = "reference"
"""The run that is kept in git: neither the latest nor the previous, whenever it was made."""

WORDS = ("latest", "previous", REFERENCE)


def home() -> Path:
    """The folder that holds a folder for each run."""
    return project.home() / "results"


def runs(folder: Path) -> list[Path]:
    """Every run of the folder, the oldest first; without the reference."""
    made = [(_created_at(file), file.parent) for file in folder.glob(f"*/{RUN_FILE}")]
    return [place for created_at, place in sorted(made) if created_at and place.name != REFERENCE]


def find(name: str, folder: Path) -> Path:
    """The run of this name: a word of `WORDS`, a folder, its name in results/, or its label.

    Of several runs of one label, the newest. Raises `UsageError` where there is none.
    """
    if (folder / name / RUN_FILE).is_file():
        return folder / name
    if Path(name).is_file() or (Path(name) / RUN_FILE).is_file():
        return Path(name)
    known = runs(folder)
    if name in ("latest", "previous"):
        wanted = 1 if name == "latest" else 2
        if len(known) < wanted:
            count = f"{len(known)} run{'' if len(known) == 1 else 's'}"
            raise UsageError(f"there is no {name} run: {folder} holds {count}. Try: bench run")
        return known[-wanted]
    labelled = [place for place in known if place.name.partition("Z-")[2] == name]
    if labelled:
        return labelled[-1]
    names = [place.name for place in known] + list(WORDS)
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    guess = f"did you mean {close[0]!r}? " if close else ""
    raise UsageError(
        f"no run named {name!r}: {guess}give a folder, its name in {folder}, a label,"
        " latest, previous or reference."
    )


def _created_at(file: Path) -> str:
    """From its header line; empty for a file that has none."""
    with suppress(OSError, ValueError, AttributeError), file.open(encoding="utf-8") as lines:
        return str(json.loads(next(lines, "{}")).get("created_at") or "")
    return ""
