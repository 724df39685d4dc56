"""The runs in results/: lists of them, and a search by name, path or age."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from bench.model.errors import BenchError, UsageError
from bench.results import source
from bench.results.file import RUN_FILE, header_of
from bench.results.header import Header
from bench.system.home import home as project_home

REFERENCE = "reference"
"""The run that is kept in git. It is never `latest` or `previous`."""

WORDS = ("latest", "previous", REFERENCE)


@dataclass(frozen=True)
class ListedRun:
    """A folder that holds a run, with its header. The rest of the file was not read."""

    folder: Path
    header: Header


@dataclass(frozen=True)
class LeftOut:
    """A folder with a run that cannot be read."""

    folder: Path
    reason: str
    """A sentence that names the file, without the full stop."""


Told = Callable[[LeftOut], object]
"""A function that is called with each run that is left out."""


def home() -> Path:
    """Return the folder of results, which has a folder for each run."""
    return project_home() / "results"


def scan(folder: Path) -> tuple[list[ListedRun], list[LeftOut]]:
    """Return the runs in a folder of results, by name, and those with an unreadable header."""
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
    """Return the entry for a run that `load` refused with `error`."""
    return LeftOut(folder, str(error).partition("\n")[0].rstrip("."))


def runs(folder: Path, on_left_out: Told = lambda _: None) -> list[Path]:
    """Return the folders of all runs except the reference, the oldest first."""
    listed, left_out = scan(folder)
    for run in left_out:
        on_left_out(run)
    by_age = sorted((run.header.created_at, run.folder) for run in listed)
    return [path for created_at, path in by_age if created_at and path.name != REFERENCE]


def find(name: str, folder: Path, on_left_out: Told = lambda _: None) -> Path:
    """Return the folder of a run: by a word of `WORDS`, a path, a name in results/, or a label.

    If several runs have the label, return the newest. Raises `UsageError` if there is none.
    """
    if _exists(folder / name / RUN_FILE):
        return folder / name
    if _exists(Path(name) / RUN_FILE) or Path(name).is_file():
        return Path(name)
    known = runs(folder, on_left_out)
    if name in ("latest", "previous"):
        wanted = 1 if name == "latest" else 2
        if len(known) < wanted:
            count = f"{len(known)} run{'' if len(known) == 1 else 's'}"
            raise UsageError(f"there is no {name} run: {folder} holds {count}. Try: bench run")
        return known[-wanted]
    labelled = [path for path in known if path.name.partition("Z-")[2] == name]
    if labelled:
        return labelled[-1]
    if _exists(Path(name)):
        raise UsageError(
            f"{name} is no results folder: it has no {RUN_FILE}.\n"
            f"Give a folder that `bench run` made, or the name or label of a run in {folder}."
        )
    names = [path.name for path in known] + list(WORDS)
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    guess = f"did you mean {close[0]!r}? " if close else ""
    raise UsageError(
        f"no run named {name!r}: {guess}give a folder, its name in {folder}, a label,"
        " latest, previous or reference."
    )


def find_path(path: Path) -> Path:
    """Return a path that exists, else the folder of the run that `find` knows by this name.

    Raises `UsageError` if there is neither.
    """
    return path if _exists(path) else find(str(path), home())


def _exists(path: Path) -> bool:
    """Return whether the path exists, or is in a folder that this user may not read."""
    try:
        return path.exists()
    except PermissionError:
        return True
    except OSError:  # the name is too long
        return False
