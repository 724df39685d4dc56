"""Pages to read: report.html of a run, one of several compared, and the index of all.

Each is one file that needs no other and no network.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.results import Results
from bench.summary import Summary

REPORT_FILE = "report.html"


def write(results: Results, folder: Path, summaries: Sequence[Summary] | None = None) -> Path:
    """`folder`/report.html of one run. `summaries` saves making them again. Raises `OSError`."""
    from bench.report.single import render

    path = folder / REPORT_FILE
    path.write_text(render(results, summaries), encoding="utf-8")
    return path


def write_comparison(runs: Sequence[Results], path: Path) -> Path:
    """Two runs or more, held against the first of them. Raises `OSError`."""
    from bench.report.comparison import render

    path.write_text(render(runs, path), encoding="utf-8")
    return path
