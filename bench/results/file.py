"""The results file, `run.jsonl`: its recorder and its reader.

`run.jsonl` is the source of all other files in a results folder. It has a header line with the
environment, then a line for each run, which is appended and flushed when the run ends.
docs/results-format.md explains every field.
"""

import json
import os
import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, BinaryIO, TypeVar

from bench.model.case import Case
from bench.model.errors import BenchError
from bench.results import source
from bench.results.decoding import LineError
from bench.results.entries import End, Entry, Failure, Memory, ProbeResult, Run
from bench.results.header import Header
from bench.results.reading import LineReader
from bench.results.schema import FORMAT, NewerFormatError, read_header
from bench.results.stored_samples import forget
from bench.system.output_files import new_folder

RUN_FILE = "run.jsonl"

_Probed = TypeVar("_Probed", bound=ProbeResult)


@dataclass
class Results:
    """Everything that a `run.jsonl` holds."""

    folder: Path
    header: Header
    runs: list[Run] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)
    probed: list[ProbeResult] = field(default_factory=list)
    """The entries of all studies. `probed_as` gives those of one type."""
    failures: list[Failure] = field(default_factory=list)
    end: End | None = None
    """The outcome of the command; None if it was killed before."""
    damaged_line: int | None = None
    """The number of a last line that was cut short, or None."""

    def add(self, entry: Entry | End) -> None:
        """Add an entry to the list of its kind."""
        match entry:
            case Run():
                self.runs.append(entry)
            case Memory():
                self.memory.append(entry)
            case ProbeResult():
                self.probed.append(entry)
            case Failure():
                self.failures.append(entry)
            case End():
                self.end = entry

    def probed_as(self, kind: type[_Probed]) -> list[_Probed]:
        """Return the entries of one type, which a study defines."""
        return [entry for entry in self.probed if isinstance(entry, kind)]

    @property
    def cases(self) -> list[Case]:
        """The cases with a run or a memory measurement, in the order of the header's plan."""
        seen = {run.case for run in self.runs} | {memory.case for memory in self.memory}
        return [case for case in self.header.plan if case in seen]


class FolderExistsError(BenchError):
    """The folder for new results is not empty, or belongs to another run."""


class Recorder:
    """A writer that appends lines to a new `run.jsonl`. It flushes each before the next begins."""

    def __init__(self, folder: Path) -> None:
        """Make the folder. Raises `FolderExistsError`, or `BenchError` if it cannot be made."""
        try:
            self._folder = new_folder(folder)
            new = self._folder.new_file(RUN_FILE)
            self._file: IO[str] = os.fdopen(new, "w", encoding="utf-8")
        except FileExistsError:
            raise FolderExistsError(
                f"{folder} exists already and was not changed.\n"
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

    def header(self, header: Header) -> None:
        """Write the first line."""
        self._append({"kind": "header", "format": FORMAT, **header.as_dict()})

    def add(self, entry: Entry) -> None:
        """Write the line of an entry. Samples in several pieces have lines before the run's."""
        for line in entry.lines() if isinstance(entry, Run) else [entry.as_dict()]:
            self._append(line)
        self.holds_runs |= not isinstance(entry, Failure)

    def end(
        self, outcome: str, reason: str = "", seconds: Mapping[str, float] | None = None
    ) -> None:
        """Write the last line: `complete`, `interrupted` or `failed`, the reason, stage times."""
        if self._begun:
            rounded = {stage: round(taken, 3) for stage, taken in (seconds or {}).items()}
            self._append(End(outcome, reason, rounded).as_dict())

    def close(self) -> None:
        """Close the file. Remove the folder if no line was written."""
        with suppress(OSError):  # a full disk was reported when a line was written
            self._file.close()
        if not self._begun:
            self._folder.remove(RUN_FILE)
            self.folder.rmdir()
        self._folder.close()

    def _append(self, line: dict[str, Any]) -> None:
        try:
            self._file.write(_as_json(line) + "\n")
            self._file.flush()
        except OSError as error:
            advice = "Make room there, or choose another folder with --out."
            if self.holds_runs:
                command = f"bench charts {shlex.quote(str(self.folder))}"
                advice = f"The lines written before are kept: `{command}` draws them."
            raise BenchError(
                f"cannot write to {self.folder / RUN_FILE}: {error.strerror}.\n{advice}"
            ) from error
        self._begun = True


def load(
    folder: Path,
    wanted: Callable[[Case], bool] | None = None,
    as_read: Callable[[Run], Run] | None = None,
) -> Results:
    """Read a results folder, or its `run.jsonl`.

    `wanted`: only these cases of the plan are read. Lines of other cases are skipped, unchecked.
    `as_read` is called with each run when it was read, and returns what is kept of it. A last
    line that was cut short is left out and named in `damaged_line`. Raises `BenchError` for a file
    that is missing, damaged in another line, or of a newer format.
    """
    path = folder
    try:
        if not folder.is_file():
            path = folder / RUN_FILE
        with source.open_file(path) as file:
            return _read(path, file, wanted, as_read)
    except OSError as error:
        raise BenchError(
            f"cannot read {path}: {error.strerror}.\n"
            "Give a folder of results/, as `bench run` made it."
        ) from error


def header_of(path: Path, file: BinaryIO) -> Header:
    """Return the header at the start of an open `run.jsonl`. Raises `BenchError`, `OSError`."""
    try:
        return read_header(source.first_line(file))
    except NewerFormatError as error:
        raise BenchError(
            f"{path} has format {error.version}; this version reads up to {FORMAT}.\n"
            "It was written by a newer gatherbench: update this one to read it."
        ) from error
    except LineError as error:
        raise BenchError(
            f"{path} is no results file, or damaged: it does not begin with a header line"
            f" ({error}).\n"
            "Give a folder of results/ or its run.jsonl, or measure again with `bench run`."
        ) from error


def _read(
    path: Path,
    file: BinaryIO,
    wanted: Callable[[Case], bool] | None,
    as_read: Callable[[Run], Run] | None,
) -> Results:
    header, keys = header_of(path, file), None
    if wanted:
        header = replace(header, plan=tuple(case for case in header.plan if wanted(case)))
        keys = {case.key for case in header.plan}
    results, reader = Results(path.parent, header), LineReader(file, keys)
    for number, offset, line in source.numbered_lines(file):
        try:
            if entry := reader.read(line, offset):
                results.add(as_read(entry) if as_read and isinstance(entry, Run) else entry)
        except LineError as error:
            if not source.at_end(file):
                raise BenchError(
                    f"{path} is damaged at line {number}.\n"
                    f"Delete that line to use the others: each holds one run. ({error}.)"
                ) from error
            results.damaged_line = number
    forget()
    # A search finds its cases while it measures: they follow those of the plan.
    found = dict.fromkeys(run.case for run in results.runs if run.case.rate is not None)
    if more := [case for case in found if case not in set(header.plan)]:
        results.header = replace(header, plan=(*header.plan, *more))
    return results


def _as_json(line: dict[str, Any]) -> str:
    """Return the line in ASCII. Lone surrogates, from arguments that are not UTF-8, become `?`."""
    text = json.dumps(line, separators=(",", ":"))
    if "\\ud" not in text:
        return text
    plain = json.dumps(line, ensure_ascii=False).encode("utf-8", "replace")
    return json.dumps(json.loads(plain), separators=(",", ":"))
