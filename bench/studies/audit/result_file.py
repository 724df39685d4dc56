"""The file of an audit's outcomes, from which the table of docs/method.md is written."""

import json
import platform
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench.model.errors import BenchError
from bench.results import environment
from bench.studies.audit.claim import Claim, Outcome
from bench.system.output_files import made_folder, write_text

FILE = "audit.json"
_FORMAT = 1


@dataclass(frozen=True)
class CheckedClaim:
    """A claim with its outcome, as the file holds it."""

    name: str
    statement: str
    method: str
    truth: str
    measured: str
    before: str
    holds: bool

    @classmethod
    def of(cls, claim: Claim, outcome: Outcome) -> "CheckedClaim":
        """Return the line of the table."""
        return cls(claim.name, claim.statement, claim.method, **asdict(outcome))


class _File(msgspec.Struct):
    format: int
    created_at: str
    python: str
    cpu: str
    cores: int
    claims: list[CheckedClaim]


@dataclass(frozen=True)
class Audit:
    """The claims of one audit, and where they were tested."""

    created_at: str
    python: str
    cpu: str
    cores: int
    claims: Sequence[CheckedClaim]


def write(folder: Path, claims: Sequence[CheckedClaim]) -> Path:
    """Write the outcomes to `folder`, which is made if it is missing. Raises `OSError`."""
    host = environment.host()
    content = {
        "format": _FORMAT,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cpu": host.cpu or "",
        "cores": host.cores or 0,
        "claims": [asdict(claim) for claim in claims],
    }
    with made_folder(folder):
        path = folder / FILE
        write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return path


def read(folder: Path) -> Audit:
    """Return the audit in a folder. Raises `BenchError` if there is none, or if it is damaged."""
    path = folder / FILE
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise BenchError(
            f"cannot read {path}: {error.strerror}.\nWrite it: bench audit"
            f" --out {shlex.quote(str(folder))}"
        ) from None
    except msgspec.DecodeError as error:
        raise BenchError(
            f"{path} is damaged: {error}.\nWrite it again: bench audit"
            f" --out {shlex.quote(str(folder))}"
        ) from None
    return Audit(file.created_at, file.python, file.cpu, file.cores, file.claims)
