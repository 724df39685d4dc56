"""Pages to read: report.html of a run, one of several compared, and the index of all.

Each is one file that needs no other and no network.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.analysis.summary import Summary
from bench.results.file import Results

REPORT_FILE = "report.html"


def render_to(
    path: Path, runs: Sequence[Results], summaries: Sequence[Summary] | None = None
) -> None:
    """The report of one run, or of several held against the first. Raises `OSError`.

    `summaries`: of a single run, saves making them again.
    """
    from bench.output.report import comparison, single

    several = len(runs) > 1
    page = comparison.render(runs, path) if several else single.render(runs[0], summaries)
    path.write_text(page, encoding="utf-8")
