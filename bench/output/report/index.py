"""results/index.html: all runs, newest first, and a comparison of two of them."""

from dataclasses import dataclass
from pathlib import Path

from bench.output.export.summary_csv import SUMMARY_FILE, read_throughput
from bench.output.report import REPORT_FILE
from bench.output.report.template import render_page
from bench.output.report.template import source as script
from bench.results import source
from bench.results.archive import ListedRun, Told, scan
from bench.results.decoding import LineError
from bench.results.file import RUN_FILE
from bench.results.schema import outcome_of
from bench.system.output_files import link, write_text

INDEX_FILE = "index.html"
SIDE_BY_SIDE = 40
"""The number of newest runs whose figures are in the page. More would make the file large."""


@dataclass(frozen=True)
class Listed:
    """A run in the index, from the first and the last line of its file. No other line is read."""

    folder: str
    created_at: str
    label: str
    profile: str
    outcome: str
    machine: str
    versions: list[str]
    cases: int
    rows: str
    """The digest of the dataset. Runs with different rows can't be compared."""
    report: str
    """The link to the report, or to the raw file if there is no report."""


def write_index(results_folder: Path, on_left_out: Told = lambda _: None) -> Path:
    """Write `results_folder`/index.html, with every folder in it that holds a run.

    A run that can't be read is left out: the page names it, and `on_left_out` is called with it.
    Returns the path of the page. Raises `OSError` if the page can't be written.
    """
    listed, left_out = scan(results_folder)
    for unreadable in left_out:
        on_left_out(unreadable)
    runs = sorted(map(_as_listed, listed), key=lambda run: run.created_at, reverse=True)
    figures = {
        run.folder: read_throughput(results_folder / run.folder / SUMMARY_FILE)
        for run in runs[:SIDE_BY_SIDE]
    }
    names = sorted(page.name for page in results_folder.glob("*-vs-*.html"))
    pages = {name: link(name) for name in names}
    path = results_folder / INDEX_FILE
    page = render_page(
        "index.html.j2",
        runs=runs,
        machines=sorted({run.machine for run in runs}),
        versions=sorted({version for run in runs for version in run.versions}),
        figures={folder: rates for folder, rates in figures.items() if rates},
        pages=pages,
        left_out=left_out,
        index_script=script("index.js"),
    )
    write_text(path, page)
    return path


def _as_listed(run: ListedRun) -> Listed:
    header, folder = run.header, run.folder
    host, environment = header.environment.host, header.environment
    versions = [f"PostgreSQL {environment.server.version or '?'}"]
    versions += [f"Python {environment.python or '?'}"]
    versions += [f"{name} {version}" for name, version in sorted(header.packages.items())]
    cores = f", {host.cores} cores" if host.cores else ""
    return Listed(
        folder.name,
        header.created_at,
        header.label or "",
        header.profile or "",
        _outcome(folder / RUN_FILE),
        f"{host.name or 'unknown'}{cores}",
        versions,
        len(header.plan),
        header.dataset.digest or "",
        link(folder.name, REPORT_FILE if _is_file(folder / REPORT_FILE) else RUN_FILE),
    )


def _outcome(path: Path) -> str:
    """Return the outcome of the run from its last line; `killed` if that line has none."""
    try:
        with source.open_file(path) as file:
            return outcome_of(source.last_line(file)) or "killed"
    except (OSError, LineError):
        return "killed"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # no permission for the folder
        return False
