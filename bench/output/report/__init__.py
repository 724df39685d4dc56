"""Pages to read: report.html of a run, one of several compared, and the index of all.

Each is one file that needs no other and no network.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.analysis.summary import Summary
from bench.results.file import Results
from bench.system.output_files import write_text

REPORT_FILE = "report.html"


def render_to(
    path: Path, runs: Sequence[Results], summaries: Sequence[Summary] | None = None
) -> None:
    """Write the report of one run, or of several held against the first. Raises `OSError`.

    `summaries`: of a single run, saves making them again.
    """
    write_text(path, render(path, runs, summaries))


def render(path: Path, runs: Sequence[Results], summaries: Sequence[Summary] | None = None) -> str:
    """Return that report as HTML; its links are relative to the folder of `path`."""
    from bench.output.report import comparison, single

    return comparison.render(runs, path) if len(runs) > 1 else single.render(runs[0], summaries)
