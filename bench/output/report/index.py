"""results/index.html: every run there is, newest first, and two of them side by side."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.output.report import REPORT_FILE
from bench.output.report.template import render_page, source
from bench.results.file import RUN_FILE

INDEX_FILE = "index.html"
SIDE_BY_SIDE = 40
"""So many of the newest runs bring their figures along; older ones would only make it heavy."""
_TAIL_BYTES = 65_536


@dataclass(frozen=True)
class Listed:
    """A run as its first and last line have it: nothing else is read."""

    folder: str
    created_at: str
    label: str
    profile: str
    outcome: str
    machine: str
    versions: list[str]
    cases: int
    rows: str
    """Digest of the dataset: runs of other rows are no comparison."""
    report: str
    """Link to what there is to read: the report, or else the raw file."""


def write_index(results_folder: Path) -> Path:
    """`results_folder`/index.html, of all folders in it that hold a run. Raises `OSError`."""
    runs = sorted(_listed(results_folder), key=lambda run: run.created_at, reverse=True)
    figures = {run.folder: _figures(results_folder / run.folder) for run in runs[:SIDE_BY_SIDE]}
    pages = sorted(page.name for page in results_folder.glob("*-vs-*.html"))
    path = results_folder / INDEX_FILE
    page = render_page(
        "index.html.j2",
        runs=runs,
        machines=sorted({run.machine for run in runs}),
        versions=sorted({version for run in runs for version in run.versions}),
        figures={folder: own for folder, own in figures.items() if own},
        pages=pages,
        index_script=source("index.js"),
    )
    path.write_text(page, encoding="utf-8")
    return path


def _listed(results_folder: Path) -> Iterator[Listed]:
    for file in results_folder.glob(f"*/{RUN_FILE}"):
        try:
            header, end = _ends(file)
        except (OSError, ValueError):  # no run of ours, or one that was killed at its first line
            continue
        if isinstance(header, dict) and header.get("kind") == "header":
            yield _as_listed(file.parent, header, end)


def _as_listed(folder: Path, header: dict[str, Any], end: dict[str, Any]) -> Listed:
    environment = header.get("environment") or {}
    host, server = environment.get("host") or {}, environment.get("server") or {}
    packages: dict[str, str] = {}
    for about in (header.get("backends") or {}).values():
        packages |= about.get("versions") or {}
    versions = [
        f"PostgreSQL {server.get('version', '?')}",
        f"Python {environment.get('python', '?')}",
    ]
    versions += [f"{name} {version}" for name, version in sorted(packages.items())]
    cores = f", {host['cores']} cores" if host.get("cores") else ""
    has_report = (folder / REPORT_FILE).is_file()
    return Listed(
        folder.name,
        str(header.get("created_at") or ""),
        str(header.get("label") or ""),
        str(header.get("profile") or ""),
        str(end.get("outcome", "killed")),
        f"{host.get('cpu') or host.get('machine') or 'unknown'}{cores}",
        versions,
        len(header.get("plan") or ()),
        str((header.get("dataset") or {}).get("digest", "")),
        f"{folder.name}/{REPORT_FILE if has_report else RUN_FILE}",
    )


def _ends(file: Path) -> tuple[Any, dict[str, Any]]:
    """The first line, and the last one where it says how the run ended."""
    with file.open("rb") as lines:
        header = json.loads(lines.readline())
        size = lines.seek(0, 2)
        lines.seek(max(0, size - _TAIL_BYTES))
        *_, last = lines.read().splitlines() or [b"{}"]
    try:
        end = json.loads(last)
    except ValueError:
        end = {}
    return header, end if isinstance(end, dict) and end.get("kind") == "end" else {}


def _figures(folder: Path) -> dict[str, list[float]]:
    """Key of a case -> throughput and its bounds, from summary.csv; nothing where there is none."""
    try:
        with (folder / "summary.csv").open(encoding="utf-8", newline="") as file:
            columns = ("throughput_per_s", "throughput_per_s_low", "throughput_per_s_high")
            return {
                row["key"]: [float(f"{float(row[name]):.4g}") for name in columns]
                for row in csv.DictReader(file)
                if all(row.get(name) for name in columns)
            }
    except (OSError, ValueError, KeyError):
        return {}
