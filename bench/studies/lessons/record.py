"""A lesson's file: `lesson.json`, one object, and what else is made of it beside it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.model.errors import BenchError

FILE = "lesson.json"
FORMAT = 1


@dataclass(frozen=True)
class Record:
    """What a lesson found, when, where and how often it tried."""

    lesson: str
    created_at: str
    command: str
    trials: int
    driver: str
    guard: bool
    """Was each mistake also run with the guard? Elsewhere it is off, also while timing."""
    environment: Mapping[str, Any]
    found: Mapping[str, Any]
    format: int = FORMAT

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"


def save(record: Record, folder: Path) -> Path:
    """Write it into the folder, which is made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(record.as_json(), encoding="utf-8")
    except OSError as error:
        raise BenchError(f"cannot write {error.filename}: {error.strerror}.") from error
    return folder / FILE


def load(folder: Path) -> Record:
    """What `save` wrote. A BenchError where there is none, or another format."""
    try:
        kept = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if kept["format"] != FORMAT:
            raise BenchError(f"{folder / FILE} has format {kept['format']}, not {FORMAT}.")
        return Record(**kept)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchError(
            f"{folder / FILE} is no lesson's file ({error}).\n`bench lesson NAME` makes one."
        ) from error
