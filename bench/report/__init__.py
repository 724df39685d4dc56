"""report.html: a run, or several compared, in one file that needs nothing else."""

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
