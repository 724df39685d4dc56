"""`bench report`: write a run's page again, or one page that compares several runs."""

from pathlib import Path

import click

from bench.output.terminal.safe_text import echo


@click.command()
@click.argument(
    "folders", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="DIR..."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write. Default: DIR/report.html, or for several, A-vs-B.html beside the first.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Compare runs of different datasets or event loops, with a warning.",
)
def report(folders: tuple[Path, ...], out: Path | None, force: bool) -> None:
    """Write report.html of DIR again, or a page that compares several DIRs with the first.

    The pages are made from run.jsonl alone. DIR may also be a run as `bench compare` names it.

    \b
    Examples:
      bench report results/reference
      bench report results/reference results/reference --out same.html
    """
    from bench.cli.measurement import command_line
    from bench.model.errors import BenchError, UsageError
    from bench.output.attempts import Attempts
    from bench.output.present import near, refresh_index
    from bench.output.report import REPORT_FILE, render, render_to
    from bench.output.report.comparison import file_name, why_not
    from bench.results import archive
    from bench.results import file as results
    from bench.system.output_files import write_where_named

    if out is not None and not out.resolve().parent.is_dir():
        raise UsageError(f"there is no folder {out.parent} to write {out.name} into.")
    runs = [results.load(archive.find_path(folder)) for folder in folders]
    for run in runs:
        if not run.runs:
            raise BenchError(f"{run.folder} holds no finished run: there is nothing to report.")
    if len(runs) > 1 and (reasons := why_not(runs)) and not force:
        raise UsageError(
            "; ".join(reasons) + ".\n"
            "Their figures answer different questions. To compare them anyway, add --force."
        )
    first = runs[0].folder
    default = first / REPORT_FILE if len(runs) == 1 else first.parent / file_name(runs)
    path = out or default
    try:
        if out is None:
            render_to(default, runs)
        else:
            write_where_named(out, render(out, runs))
    except OSError as error:
        raise BenchError(
            f"cannot write {path}: {error.strerror}.\nChoose another file with --out."
        ) from error
    echo(f"report   {near(path)}")
    with Attempts(command_line(None)).at("index"):
        refresh_index(first)
