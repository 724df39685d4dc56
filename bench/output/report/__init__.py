"""HTML pages: the report of one run, the comparison of several, and the index of all runs.

Each page is one file. It needs no other file and no network.
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
    """Write the report of one run, or of several runs compared with the first.

    `summaries`: those of a single run, to avoid making them again. Raises `OSError` if the file
    can't be written.
    """
    write_text(path, render(path, runs, summaries))


def render(path: Path, runs: Sequence[Results], summaries: Sequence[Summary] | None = None) -> str:
    """Return the same report as HTML, with links relative to the folder of `path`."""
    from bench.output.report import comparison, single

    return comparison.render(runs, path) if len(runs) > 1 else single.render(runs[0], summaries)
