"""The file of an audit's outcomes, from which the table of docs/method.md is written."""

import json
import platform
import shlex
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
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
    where: str = ""
    """The day and the machine, if they are not those of the whole file."""

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

    @property
    def where(self) -> str:
        """The day and the machine, in words."""
        machine = f"{self.cpu}, {self.cores} cores, Python {self.python}"
        return f"{self.created_at[:10]}: {machine}"


def write(folder: Path, tested: Sequence[CheckedClaim], known: Collection[str]) -> Path:
    """Write the outcomes to `folder`, which is made if it is missing. Raises `OSError`.

    `known`: the names of all claims. Those of an earlier audit in the folder that were not tested
    again stay, and the new ones then say where they were tested.
    """
    audit = _here(tested)
    names = {claim.name for claim in tested}
    earlier = None
    with suppress(BenchError):  # none, or a damaged one
        earlier = read(folder)
    if earlier and any(claim.name in known and claim.name not in names for claim in earlier.claims):
        new = {claim.name: replace(claim, where=audit.where) for claim in tested}
        kept = {claim.name: claim for claim in earlier.claims if claim.name in known}
        audit = replace(earlier, claims=list((kept | new).values()))
    with made_folder(folder):
        path = folder / FILE
        content = {"format": _FORMAT, **asdict(audit)}
        write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return path


def _here(claims: Sequence[CheckedClaim]) -> Audit:
    host = environment.host()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Audit(now, platform.python_version(), host.cpu or "", host.cores or 0, claims)


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
