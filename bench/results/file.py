"""What a measurement leaves behind: runs, and the file that keeps them.

`run.jsonl` is the truth: a header line with the environment, then a line for each run, appended
and flushed as it ends. All else in a results folder is drawn from it. docs/results-format.md says
what each field means.
"""

import json
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from bench.model.case import Case
from bench.model.errors import BenchError, UsageError
from bench.results.entries import BareLoop, Entry, Failure, Memory, Proof, Run

FORMAT = 3
"""Goes up whenever an older reader would misread a file; every older one is read."""

RUN_FILE = "run.jsonl"

_DAMAGE = (KeyError, TypeError, ValueError, AttributeError, zlib.error, UsageError)
"""What reading a line raises that this version did not write."""


@dataclass
class Results:
    """Everything that a `run.jsonl` holds."""

    folder: Path
    header: dict[str, Any]
    runs: list[Run] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)
    proofs: list[Proof] = field(default_factory=list)
    bare_loops: list[BareLoop] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    end: dict[str, Any] | None = None
    """How the command ended; None when it was killed before."""
    damaged_line: int | None = None
    """The number of a last line that was cut short."""

    @property
    def cases(self) -> list[Case]:
        """In the order of the header's plan; those of which there is a run or a memory."""
        seen = {run.case for run in self.runs} | {memory.case for memory in self.memory}
        planned = [Case.from_dict(case) for case in self.header["plan"]]
        return [case for case in planned if case in seen]


class Recorder:
    """Appends to a new `run.jsonl`, a line at a time, each on disk before the next begins."""

    def __init__(self, folder: Path) -> None:
        """Make the folder. Raises `BenchError` where it exists or can't be made."""
        try:
            folder.mkdir(parents=True)
            self._file: IO[str] = (folder / RUN_FILE).open("w", encoding="utf-8")
        except FileExistsError:
            raise BenchError(
                f"{folder} exists already: nothing of it was touched.\n"
                "Choose another --out, or leave it out for a folder named by the time."
            ) from None
        except OSError as error:
            raise BenchError(
                f"cannot write results to {folder}: {error.strerror}.\n"
                "Choose a folder that you may write with --out."
            ) from error
        self.folder = folder
        self.holds_runs = False
        self._begun = False

    def header(self, header: dict[str, Any]) -> None:
        self._append({"kind": "header", "format": FORMAT, **header})

    def add(self, entry: Entry) -> None:
        self._append(entry.as_dict())
        self.holds_runs |= not isinstance(entry, Failure)

    def end(self, outcome: str, **more: Any) -> None:
        """The last line: `complete`, `interrupted` or `failed`, and why."""
        if self._begun:
            self._append({"kind": "end", "outcome": outcome, **more})

    def close(self) -> None:
        """No more lines. A folder that holds nothing, because nothing began, is taken back."""
        with suppress(OSError):  # a full disk was told of when it was met
            self._file.close()
        if not self._begun:
            (self.folder / RUN_FILE).unlink()
            self.folder.rmdir()

    def _append(self, line: dict[str, Any]) -> None:
        self._begun = True
        try:
            self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
            self._file.flush()
        except OSError as error:
            raise BenchError(
                f"cannot write to {self.folder / RUN_FILE}: {error.strerror}.\n"
                "What was written before is kept: `bench charts` draws it."
            ) from error


def load(folder: Path) -> Results:
    """Read a results folder (or its `run.jsonl`).

    A last line cut short is left out and named in `damaged_line`. Raises `BenchError` for a file
    that is missing, damaged elsewhere, or of a newer format.
    """
    path = folder if folder.is_file() else folder / RUN_FILE
    try:
        lines = list(_lines(path))
    except OSError as error:
        raise BenchError(
            f"cannot read {path}: {error.strerror}.\n"
            "Give a folder of results/, as `bench run` made it."
        ) from error
    header = lines[0][1] if lines else None
    if not isinstance(header, dict) or header.get("kind") != "header":
        raise _headless(path)
    version = header.get("format", 0)
    if isinstance(version, int) and version > FORMAT:
        raise BenchError(
            f"{path} has format {version}; this version reads up to {FORMAT}.\n"
            "It was written by a newer gatherbench: update this one to read it."
        )
    if version not in range(1, FORMAT + 1) or not isinstance(header.get("plan"), list):
        raise _headless(path)
    results = Results(path.parent, header)
    for number, line in lines[1:]:
        try:
            _take(results, line)
        except _DAMAGE as error:
            if number != lines[-1][0]:
                raise BenchError(
                    f"{path} is damaged at line {number}.\n"
                    "Delete that line to use the others: each holds one run."
                ) from error
            results.damaged_line = number
    return results


def _headless(path: Path) -> BenchError:
    return BenchError(
        f"{path} is damaged: it does not begin with a header line.\n"
        "Nothing can be drawn without one; measure again with `bench run`."
    )


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    # What is no text is no JSON either, and is then known by its line.
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield number, json.loads(line)
            except ValueError:
                yield number, None


def _take(results: Results, line: dict[str, Any]) -> None:
    match line["kind"]:
        case "run":
            results.runs.append(Run.from_dict(line))
        case "memory":
            results.memory.append(Memory.from_dict(line))
        case "proof":
            results.proofs.append(Proof.from_dict(line))
        case "bare":
            results.bare_loops.append(BareLoop.from_dict(line))
        case "failure":
            results.failures.append(Failure.from_dict(line))
        case "end":
            results.end = line
        case other:
            raise ValueError(other)
