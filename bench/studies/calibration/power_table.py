"""The table of `bench power`, for the terminal and for docs/method.md."""

import os
from pathlib import Path

from bench.studies.calibration import power_file
from bench.studies.calibration.power_file import Count, PowerFile, counts
from bench.studies.calibration.whole_runs import Slowdown


def blocks(folder: Path, document: Path) -> dict[str, str]:
    """Return the block `power` as Markdown. `document` is the folder of the document.

    Without a file in the folder, the block says so. Raises `BenchError` if the file is damaged.
    """
    shown = Path(os.path.relpath(folder, document)).as_posix()
    if not (folder / power_file.FILE).exists():
        return {"power": f"No run is in the repository: `bench power --out results/{folder.name}`."}
    file = power_file.read(folder)
    return {
        "power": f"```text\n{report(file)}\n```\n\n`bench power`, {file.created_at[:10]}:"
        f" {file.cpu}, {file.cores} cores, Python {file.python}"
        f" ([file]({shown}/{power_file.FILE}))."
    }


def _row(line: Count) -> tuple[str, ...]:
    return (
        f"{line.share:.0%} of {line.of}" if line.share else "none",
        line.clock,
        str(line.concurrency),
        f"{line.found} of {line.runs}",
        f"{line.low:.0%} to {line.high:.0%}",
        _as_slowdown(line.slowdown),
        f"\N{PLUS-MINUS SIGN}{line.deviation:.1%} x {line.rounds:.0f}",
        f"{line.floor:.3f}x" if line.floor else "",
    )


def _as_slowdown(cost: Slowdown | None) -> str:
    return f"{cost.slower_by:.1%} ({cost.low:.1%} to {cost.high:.1%})" if cost else ""


def report(file: PowerFile) -> str:
    """Return the table of what was found, with its legend."""
    heading = ("wait", "clock", "at", "found", "95 % interval", "slower by", "one ratio", "floor")
    rows = [heading, *map(_row, counts(file))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    busy = f", {file.busy} processors kept busy" if file.busy else ""
    table = "\n".join(line.rstrip() for line in lines)
    return (
        f"{file.backend} against a slower or an equal backend,"
        f" bench run --budget {file.budget_s:g}s{busy}\n\n{table}\n\n"
        "found: the runs whose verdict says slower; for equal backends slower or faster, which is a"
        " false alarm.\n"
        "decided: the run's line of that name. The others: the verdict of a table, by its interval"
        " and noise floor.\n"
        "slower by: what the wait costs, by a run of a fixed length, with its interval.\n"
        "one ratio: the deviation of the ratio of one pair of turns, and the number of pairs."
    )
