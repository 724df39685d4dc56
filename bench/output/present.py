"""The output of one results file: table, summary.csv, charts and report."""

import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bench.output.attempts import Attempts, tell_left_out
from bench.output.drawing import draw_in_background
from bench.output.terminal.safe_text import echo
from bench.results import file as results

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bench.analysis.summary import Summary


def present(folder: Path, *, charts: bool = True, in_background: bool = False) -> dict[str, str]:
    """Write summary.csv, charts and report beside the file; print the table and the paths.

    With `charts` False, no chart is drawn and matplotlib is not imported, since these take longest.
    With `in_background`, a second process draws them when everything else is done.
    A part that can't be made is named on stderr, and the other parts are made all the same.

    Returns each part that was not made -> the reason. Raises `BenchError` if the file holds no
    finished run.
    """
    from bench.analysis import generations, summary
    from bench.model.errors import BenchError
    from bench.output import report
    from bench.output.export import summary_csv
    from bench.output.terminal.console import console

    draws_here = charts and not in_background
    longest = "drawing the charts (about ten seconds)" if draws_here else "writing the report"
    status = console(stderr=True).status(longest)
    run_results = results.load(folder)
    if not run_results.runs and not run_results.memory:
        raise BenchError(f"{run_results.folder} holds no finished run: there is nothing to draw.")
    summaries = summary.summarise(run_results)
    attempts = Attempts(f"bench charts {shlex.quote(str(near(run_results.folder)))}")
    drawn: list[Path] = []
    with attempts.at("summary.csv"):
        summary_csv.write_csv(run_results, run_results.folder / summary_csv.SUMMARY_FILE, summaries)
    with status:
        if draws_here:
            with attempts.at("charts"):
                drawn = _draw(run_results, summaries)
        with attempts.at("report"):
            report.render_to(run_results.folder / report.REPORT_FILE, [run_results], summaries)
    with attempts.at("index"):
        refresh_index(run_results.folder)
    with attempts.at("table"):
        console().print(_table(run_results, summaries))
    with attempts.at("warnings"):
        _print_warnings(run_results, summaries)
    echo()
    _tell_files(
        run_results.folder, attempts, charts=charts, in_background=in_background, drawn=len(drawn)
    )
    if run_results.end and run_results.end.seconds:
        echo(f"time     {stage_times(run_results.end.seconds)}")
    if unfinished := _unfinished(run_results):
        echo(f"ended    {unfinished}")
    with attempts.at("variance"):
        if (share := generations.share_of(run_results.runs, summaries)) is not None:
            echo(f"luck     {share:.0%} of the variance of ratios is between sets of processes")
    return attempts.failed


def _tell_files(
    folder: Path, attempts: Attempts, *, charts: bool, in_background: bool, drawn: int
) -> None:
    """Print the paths of what was made; start the process that draws in the background."""
    from bench.output.export.summary_csv import SUMMARY_FILE
    from bench.output.report import REPORT_FILE

    place = f"{near(folder / 'charts')}{os.sep}"
    if "summary.csv" not in attempts.failed:
        echo(f"figures  {near(folder / SUMMARY_FILE)}")
    if not charts:
        echo(f"charts   none drawn: {attempts.again}")
    elif in_background:
        with attempts.at("charts"):
            draw_in_background(folder.resolve())
            echo(f"charts   {place}  (another process draws them now)")
    elif "charts" not in attempts.failed:
        echo(f"charts   {place}  ({drawn} files)")
    if "report" not in attempts.failed:
        echo(f"report   {near(folder / REPORT_FILE)}")


def _unfinished(run_results: results.Results) -> str:
    """Return what is missing of a run that was interrupted, in words; empty if nothing is."""
    end = run_results.end
    if end is None or end.outcome != "interrupted":
        return ""
    rounds = len({run.round for run in run_results.runs})
    header = run_results.header
    planned = 0 if header.budget_s else header.rounds or 0  # a budget, and a search, have no number
    of_all = f" of {planned:,}" if planned >= rounds else ""
    return (
        f"interrupted in round {rounds:,}{of_all}: every window that had ended is in these figures"
        if rounds
        else "interrupted before the first round: what had ended is in these figures"
    )


def stage_times(seconds: Mapping[str, float]) -> str:
    """Return the time of windows and of every other stage in words, the longest first.

    `seconds`: as in `End`.
    """
    stages = {stage: taken for stage, taken in seconds.items() if stage != "windows"}
    longest = sorted(stages, key=lambda stage: stages[stage], reverse=True)
    shown = [f"{stage} {stages[stage]:.0f} s" for stage in longest if stages[stage] >= 0.5]
    windows = f"{seconds.get('windows', 0.0):.0f} s of windows"
    return f"{windows}, {sum(stages.values()):.0f} s of other work ({', '.join(shown) or 'none'})"


def _draw(run_results: results.Results, summaries: "list[Summary]") -> list[Path]:
    from bench.output import charts

    return charts.draw(run_results, run_results.folder, summaries)


def _table(run_results: results.Results, summaries: "list[Summary]") -> "RenderableType":
    from bench.model.study import study_of
    from bench.output.terminal import table

    study = study_of(run_results.header.profile)
    if study and study.table:
        rendered: RenderableType = study.call(study.table, run_results, summaries)
        return rendered
    return table.render(run_results, summaries)


def _print_warnings(run_results: results.Results, summaries: "list[Summary]") -> None:
    """Print the warnings about the figures, the failures, and a damaged last line."""
    from bench.analysis.warnings import result_warnings
    from bench.model.study import study_of
    from bench.output.terminal.console import console

    screen = console()
    study = study_of(run_results.header.profile)
    # Other studies rest on proofs and factors of ten, not on rounds.
    shown = study is None or study.warned
    for warning in result_warnings(run_results, summaries) if shown else ():
        screen.print(f"\n! {warning}")
    for failure in run_results.failures:
        echo(f"failed   {failure.case.title}: {failure.error}")
    if alone := again(run_results, summaries):
        echo(f"again    {alone}")
    if run_results.damaged_line:
        echo(
            f"left out: line {run_results.damaged_line} of {results.RUN_FILE}, which was cut short"
        )


def again(run_results: results.Results, summaries: "list[Summary]") -> str | None:
    """Return the command that measures the first failed case alone; None if no case failed."""
    from bench.analysis import rerun

    failed = (summary.case for summary in summaries if summary.marked)
    case = next(failed, None)
    return rerun.command(run_results.header, case) if case else None


def refresh_index(folder: Path) -> None:
    """Write the index of all runs again if the folder is in the results folder, else nothing.

    Runs that can't be read are named on stderr. Raises `OSError` if the index can't be written.
    """
    from bench.output.report.index import write_index
    from bench.results import archive

    if folder.resolve().parent == archive.home().resolve():
        left_out: list[archive.LeftOut] = []
        write_index(archive.home(), left_out.append)
        tell_left_out(left_out)


def near(path: Path) -> Path:
    """Return the path relative to the current folder if it is inside it, else as it is."""
    with suppress(ValueError):
        return path.resolve().relative_to(Path.cwd())
    return path
