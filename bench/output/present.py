"""From a file of runs to everything that people look at: table, summary.csv, charts, report."""

import os
import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.results import file as results

if TYPE_CHECKING:
    from rich.console import Console

    from bench.analysis.summary import Summary

_WIDTH = 100
"""Of the table where nobody says how wide it may be: a pipe, a file, CI."""


def present(folder: Path, *, charts: bool = True) -> None:
    """Write summary.csv, charts and report beside the file; print the table and where they are.

    Without `charts`, none is drawn, nor is what draws them imported: that takes longest.
    Raises `BenchError` where there is nothing to draw, or it can't be written.
    """
    from rich.console import Console

    from bench.analysis import summary
    from bench.analysis.warnings import cautions
    from bench.model.errors import BenchError
    from bench.model.study import study_of
    from bench.output import report
    from bench.output.export import summary_csv
    from bench.output.terminal import table

    longest = "drawing the charts: some ten seconds" if charts else "writing the report"
    status = Console(stderr=True).status(longest)
    found = results.load(folder)
    if not found.runs and not found.memory:
        raise BenchError(f"{found.folder} holds no finished run: there is nothing to draw.")
    summaries = summary.summarise(found)
    try:
        summary_csv.write_csv(found, found.folder / "summary.csv", summaries)
        with status:
            drawn = _draw(found, summaries) if charts else None
            report.render_to(found.folder / report.REPORT_FILE, [found], summaries)
        refresh_index(found.folder)
    except OSError as error:
        raise BenchError(f"cannot write {error.filename}: {error.strerror}.") from error
    screen = console()
    study = study_of(found.header.get("profile"))
    if study and study.table:
        screen.print(study.call(study.table, found, summaries))
    else:
        screen.print(table.render(found, summaries))
    # A study rests on proofs and on factors of ten, not on rounds.
    for caution in () if study else cautions(found, summaries):
        screen.print(f"\n! {caution}", markup=False, highlight=False)
    for failure in found.failures:
        click.echo(f"failed   {failure.case.title}: {failure.error}")
    if alone := again(found, summaries):
        click.echo(f"again    {alone}")
    if found.damaged_line:
        click.echo(f"left out {results.RUN_FILE} line {found.damaged_line}, which was cut short")
    click.echo(f"\nfigures  {near(found.folder / 'summary.csv')}")
    if drawn is None:
        click.echo(f"charts   none drawn: bench charts {shlex.quote(str(near(found.folder)))}")
    else:
        click.echo(f"charts   {near(found.folder / 'charts')}{os.sep}  ({len(drawn)} files)")
    click.echo(f"report   {near(found.folder / report.REPORT_FILE)}")


def _draw(found: results.Results, summaries: "list[Summary]") -> list[Path]:
    from bench.output import charts

    return charts.draw(found, found.folder, summaries)


def again(found: results.Results, summaries: "list[Summary]") -> str | None:
    """What to type to measure the first case alone of which something failed."""
    from bench.analysis import rerun

    failed = (summary.case for summary in summaries if summary.marked)
    case = next(failed, None)
    return rerun.command(found.header, case) if case else None


def refresh_index(folder: Path) -> None:
    """List all runs again where the folder is among our own results; elsewhere, write nothing.

    Raises `OSError`.
    """
    from bench.output.report.index import write_index
    from bench.system import home as project

    ours = project.home() / "results"
    if folder.resolve().parent == ours.resolve():
        write_index(ours)


def console() -> "Console":
    """For tables, on stdout."""
    from rich.console import Console

    found = Console()
    return found if found.is_terminal else Console(width=_WIDTH)


def near(path: Path) -> Path:
    """The path as one would type it from here."""
    with suppress(ValueError):
        return path.resolve().relative_to(Path.cwd())
    return path
