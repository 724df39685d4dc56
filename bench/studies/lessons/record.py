"""The file of a lesson, `lesson.json`: one JSON object. Its charts are in the same folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bench.model.errors import BenchError
from bench.results import source
from bench.results.decoding import LineError, decode
from bench.results.header import Count, Environment, Timestamp
from bench.studies.lessons.found_schema import FOUND
from bench.system.output_files import encoded, made_folder

FILE = "lesson.json"
FORMAT = 1


@dataclass(frozen=True)
class Record:
    """The results of a lesson, with its date, command, environment and number of trials."""

    lesson: str
    created_at: Timestamp
    command: str
    trials: Count
    driver: str
    guard: bool
    """Did each mistake also run with the guard? Everything else runs without it, also timings."""
    environment: Environment
    found: Mapping[str, Any]
    format: int = FORMAT

    def as_dict(self) -> dict[str, Any]:
        """Return the record as the object that the file has."""
        return {**vars(self), "environment": self.environment.as_dict()}

    def as_json(self, *, ascii_only: bool = False) -> str:
        """Return the file's text.

        Use `ascii_only` for a terminal, where other characters are not safe.
        """
        return json.dumps(self.as_dict(), indent=1, ensure_ascii=ascii_only) + "\n"


class _Opening(msgspec.Struct):
    format: int


_OPENING = msgspec.json.Decoder(_Opening)
_RECORD = msgspec.json.Decoder(Record)


def save(record: Record, folder: Path) -> Path:
    """Write the record into the folder and return the file's path. Creates the folder.

    Raises `BenchError` if the file cannot be written.
    """
    try:
        with made_folder(folder) as into, into.replacing(FILE) as file:
            file.write(encoded(record.as_json()))
    except OSError as error:
        raise BenchError(
            f"cannot write {folder / FILE}: {error.strerror}.\n"
            "Choose a folder that you may write with --out."
        ) from error
    return folder / FILE


def load(folder: Path) -> Record:
    """Return the record that `save` wrote.

    Raises `BenchError` if there is no such file, or if it has another format.
    """
    path = folder / FILE
    try:
        with source.open_file(path) as file:
            text = source.whole(file)
        version = decode(_OPENING, text).format
        if version != FORMAT:
            raise BenchError(
                f"{path} has format {version}, not {FORMAT}.\n`bench lesson NAME` writes one."
            )
        record = decode(_RECORD, text)
        if record.lesson not in FOUND:
            raise LineError(f"there is no lesson {record.lesson!r}")
        decode(FOUND[record.lesson], msgspec.json.encode(record.found))
    except (OSError, LineError) as error:
        raise BenchError(
            f"{path} is not a lesson's file ({error}).\n`bench lesson NAME` writes one."
        ) from error
    return record
