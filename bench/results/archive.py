"""The runs in results/: found by name, by place, by age."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from bench.model.errors import BenchError, UsageError
from bench.results import source
from bench.results.file import RUN_FILE, header_of
from bench.results.header import Header
from bench.system import home as project

REFERENCE = "reference"
"""The run that is kept in git: neither the latest nor the previous, whenever it was made."""

WORDS = ("latest", "previous", REFERENCE)


@dataclass(frozen=True)
class ListedRun:
    """A folder that holds a run, and its header; nothing else of it was read."""

    folder: Path
    header: Header


@dataclass(frozen=True)
class LeftOut:
    """A folder whose run can't be read."""

    folder: Path
    reason: str
    """In a sentence that names the file, without the full stop."""


Told = Callable[[LeftOut], object]
"""Is told of each run that is left out."""


def home() -> Path:
    """The folder that holds a folder for each run."""
    return project.home() / "results"


def scan(folder: Path) -> tuple[list[ListedRun], list[LeftOut]]:
    """Return the runs in a folder of results, by name, and those whose header can't be read."""
    listed: list[ListedRun] = []
    left_out: list[LeftOut] = []
    for file in sorted(folder.glob(f"*/{RUN_FILE}")):
        try:
            with source.open_file(file) as lines:
                listed.append(ListedRun(file.parent, header_of(file, lines)))
        except OSError as error:
            left_out.append(LeftOut(file.parent, f"cannot read {file}: {error.strerror}"))
        except BenchError as error:
            left_out.append(left_out_for(file.parent, error))
    return listed, left_out


def left_out_for(folder: Path, error: BenchError) -> LeftOut:
    """Return what is told of a run that `load` refused."""
    return LeftOut(folder, str(error).partition("\n")[0].rstrip("."))


def runs(folder: Path, told: Told = lambda _: None) -> list[Path]:
    """Every run of the folder, the oldest first; without the reference."""
    listed, left_out = scan(folder)
    for run in left_out:
        told(run)
    made = sorted((run.header.created_at, run.folder) for run in listed)
    return [place for created_at, place in made if created_at and place.name != REFERENCE]


def find(name: str, folder: Path, told: Told = lambda _: None) -> Path:
    """The run of this name: a word of `WORDS`, a folder, its name in results/, or its label.

    Of several runs of one label, the newest. Raises `UsageError` where there is none.
    """
    if _exists(folder / name / RUN_FILE):
        return folder / name
    if _exists(Path(name) / RUN_FILE) or Path(name).is_file():
        return Path(name)
    known = runs(folder, told)
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


def _exists(path: Path) -> bool:
    """Return whether something has this name, also where the folder may not be looked into."""
    try:
        return path.exists()
    except PermissionError:
        return True
    except OSError:  # a name that is too long
        return False
