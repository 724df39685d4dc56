"""A lesson's file: `lesson.json`, one object, and what else is made of it beside it."""

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
    """What a lesson found, when, where and how often it tried."""

    lesson: str
    created_at: Timestamp
    command: str
    trials: Count
    driver: str
    guard: bool
    """Was each mistake also run with the guard? Elsewhere it is off, also while timing."""
    environment: Environment
    found: Mapping[str, Any]
    format: int = FORMAT

    def as_dict(self) -> dict[str, Any]:
        """The record as it stands in the file."""
        return {**vars(self), "environment": self.environment.as_dict()}

    def as_json(self, *, ascii_only: bool = False) -> str:
        """The file's text. `ascii_only`: for a terminal, where other characters are not safe."""
        return json.dumps(self.as_dict(), indent=1, ensure_ascii=ascii_only) + "\n"


class _Opening(msgspec.Struct):
    format: int


_OPENING = msgspec.json.Decoder(_Opening)
_RECORD = msgspec.json.Decoder(Record)


def save(record: Record, folder: Path) -> Path:
    """Write it into the folder, which is made."""
    try:
        with made_folder(folder) as into, into.replacing(FILE) as file:
            file.write(encoded(record.as_json()))
    except OSError as error:
        raise BenchError(f"cannot write {error.filename}: {error.strerror}.") from error
    return folder / FILE


def load(folder: Path) -> Record:
    """Return what `save` wrote. Raises `BenchError` where there is none, or another format."""
    path = folder / FILE
    try:
        with source.open_file(path) as file:
            text = source.whole(file)
        version = decode(_OPENING, text).format
        if version != FORMAT:
            raise BenchError(
                f"{path} has format {version}, not {FORMAT}.\n`bench lesson NAME` makes one."
            )
        record = decode(_RECORD, text)
        if record.lesson not in FOUND:
            raise LineError(f"there is no lesson {record.lesson!r}")
        decode(FOUND[record.lesson], msgspec.json.encode(record.found))
    except (OSError, LineError) as error:
        raise BenchError(
            f"{path} is no lesson's file ({error}).\n`bench lesson NAME` makes one."
        ) from error
    return record
