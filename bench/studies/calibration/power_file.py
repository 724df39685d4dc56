"""The file of `bench power`: every run that has ended, and the table that they make."""

import json
import platform
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import msgspec

from bench.model.errors import BenchError, UsageError
from bench.results import environment
from bench.studies.calibration.whole_runs import (
    CLOCKS,
    CONCURRENCY,
    Seen,
    Slowdown,
    Variant,
    WholeRun,
)
from bench.system.output_files import write_text

FILE = "power.json"
_FORMAT = 1
_CONFIDENCE = 0.95
FOUND = ("faster", "slower")


class PowerFile(msgspec.Struct):
    """The options of the runs, the machine, and the verdicts of each run so far."""

    backend: str
    budget_s: float
    busy: int
    """The processors that other processes kept busy."""
    format: int = _FORMAT
    created_at: str = ""
    python: str = ""
    cpu: str = ""
    cores: int = 0
    runs: list[WholeRun] = []
    slowdowns: list[Slowdown] = []
    """The cost of each wait; none for equal backends, and none in older files."""

    def has_slowdown(self, variant: Variant) -> bool:
        """Return whether it is known what the variant's wait costs."""
        wanted = (variant.share, variant.of)
        return any((one.share, one.of) == wanted for one in self.slowdowns)


@dataclass(frozen=True)
class Count:
    """A line of the table: the verdicts of one clock and one concurrency."""

    share: float
    of: str
    clock: str
    concurrency: int
    found: int
    runs: int
    low: float
    high: float
    """The exact binomial interval of the share found, at 95 %."""
    slowdown: Slowdown | None
    """The cost of the wait by this clock; None for equal backends."""
    rounds: float
    deviation: float
    """The median deviation of the logarithm of one paired ratio."""
    floor: float | None


def begin(folder: Path | None, backend: str, budget_s: float, busy: int) -> PowerFile:
    """Return the file in this folder to go on with, or a new one.

    Raises `UsageError` if the folder's runs were made in another way, and `BenchError` if its file
    is damaged.
    """
    if folder is None or not (folder / FILE).exists():
        host = environment.host()
        return PowerFile(
            backend,
            budget_s,
            busy,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            python=platform.python_version(),
            cpu=host.cpu or "",
            cores=host.cores or 0,
        )
    known = read(folder)
    if (known.backend, known.budget_s, known.busy) != (backend, budget_s, busy):
        raise UsageError(
            f"the runs in {folder} are of {known.backend} with a budget of {known.budget_s:g} s and"
            f" {known.busy} busy processors.\nGive the same options, or another --out."
        )
    return known


def read(folder: Path) -> PowerFile:
    """Return the file in a folder. Raises `BenchError` if there is none, or if it is damaged."""
    path = folder / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=PowerFile)
    except OSError as error:
        raise BenchError(
            f"cannot read {path}: {error.strerror}.\nWrite it: bench power"
            f" --out {shlex.quote(str(folder))}"
        ) from None
    except msgspec.DecodeError as error:
        raise BenchError(f"{path} is damaged: {error}.\nGive another --out.") from None


def write(folder: Path, file: PowerFile) -> Path:
    """Write the file, in place of the one before. Raises `OSError`."""
    path = folder / FILE
    content = msgspec.to_builtins(file) | {"table": [asdict(line) for line in counts(file)]}
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return path


def counts(file: PowerFile) -> list[Count]:
    """Return the table's lines: for each kind of run, clock and concurrency."""
    lines = []
    costs = {(one.share, one.of, one.clock, one.concurrency): one for one in file.slowdowns}
    for share, of in dict.fromkeys((run.share, run.of) for run in file.runs):
        chosen = [run for run in file.runs if (run.share, run.of) == (share, of)]
        for clock in (*(f"{clock}, decided" for clock in CLOCKS), *CLOCKS):
            for concurrency in CONCURRENCY:
                seen = [
                    one
                    for run in chosen
                    for one in run.seen
                    if (one.clock, one.concurrency) == (clock, concurrency)
                ]
                if seen:
                    cost = costs.get((share, of, clock.partition(",")[0], concurrency))
                    lines.append(_count(share, of, seen, cost))
    return lines


def _count(share: float, of: str, seen: Sequence[Seen], cost: Slowdown | None) -> Count:
    # A slower backend that is called faster is not found; two equal ones must be called neither.
    wanted = ("slower",) if share else FOUND
    found = sum(one.word in wanted for one in seen)
    low, high = exact_interval(found, len(seen))
    floors = [one.floor for one in seen if one.floor is not None]
    return Count(
        share,
        of,
        seen[0].clock,
        seen[0].concurrency,
        found,
        len(seen),
        low,
        high,
        cost,
        median(one.rounds for one in seen),
        median(one.deviation for one in seen),
        median(floors) if floors else None,
    )


def exact_interval(found: int, of: int) -> tuple[float, float]:
    """Return the interval of a share by Clopper and Pearson, *Biometrika* 26(4), 1934."""
    from scipy.special import betaincinv

    outside = (1 - _CONFIDENCE) / 2
    low = betaincinv(found, of - found + 1, outside) if found else 0.0
    high = betaincinv(found + 1, of - found, 1 - outside) if found < of else 1.0
    return float(low), float(high)
