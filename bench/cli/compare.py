"""`bench compare`: compare runs with the first of them; a gate for CI."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.options import figure_option, named, same_code_option
from bench.model.errors import UsageError
from bench.output.terminal.safe_text import echo

if TYPE_CHECKING:
    from bench.analysis.compare.comparison import Comparison
    from bench.analysis.compare.gate import GateDecision
    from bench.analysis.selection import Selection


def as_share(context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """Return `10%` or `0.1` as a share, for click; None if the option is left out."""
    if text is None:
        return None
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share < 100:
        raise click.BadParameter(f"{text!r} is not a share: write 10% or 0.1")
    if share >= 1 and not text.endswith("%"):
        raise click.BadParameter(f"{text!r} is {share:.0%}: write {text.strip()}% or {share:.0%}")
    return share


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Let the garbage collector rest in the block, and pass over what the block made.

    The figures of runs are many objects in no cycle, and it would visit them again and again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="A B [C ...]")
@figure_option
@click.option(
    "--fail-on",
    "margin",
    callback=as_share,
    metavar="SHARE",
    help="Exit with 1 if a case, or all cases together, are surely slower by more than this share,"
    " such as 10%; with 3 if nothing is, but a slowdown of this share could have gone unseen.",
)
@same_code_option
@click.option("--allow-blind", is_flag=True, help="Exit with 0 where --fail-on would exit with 3.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown", "github"]),
    default="text",
    show_default=True,
    help="A table for the terminal; JSON for a script; Markdown; or messages for GitHub Actions.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Compare runs of different datasets or event loops, with a warning.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for the charts.  [default: results/compare/A..B]",
)
@click.option("--charts/--no-charts", default=True, help="Draw the forest plots.")
def compare(
    runs: tuple[str, ...],
    figure_name: str | None,
    margin: float | None,
    same_code: tuple[str, ...],
    allow_blind: bool,
    form: str,
    force: bool,
    out: Path | None,
    charts: bool,
) -> int:
    """Compare runs with the first: first their environments, then every case that both have.

    A run is a folder, its name in results/, its label, or one of latest (the newest run), previous
    (the run before it) and reference (the run that is kept in git).

    The exit code with --fail-on: 0 passed, 1 slower, 2 wrong usage, 3 blind. `bench gate` measures
    and compares in one command.

    \b
    Examples:
      bench compare reference latest
      bench compare previous latest --fail-on 10% --format github
      bench compare monday latest --fail-on 10% --same-code tuesday --same-code friday
    """
    from bench.analysis.compare.comparison import SummedUp, compare_summed_up, names_of
    from bench.analysis.figure import FIGURES, usual_figure
    from bench.analysis.selection import select_from
    from bench.cli.gate_same_code import further_runs
    from bench.output.attempts import tell_left_out
    from bench.results import archive
    from bench.system.output_files import file_name

    if len(runs) < 2:
        raise UsageError("compare needs two runs. Try: bench compare previous latest")
    if same_code and margin is None:
        raise UsageError(
            "--same-code is for a gate: these runs decide what stops.\nAdd --fail-on 10%, or leave"
            " --same-code out."
        )
    named("figure", [figure_name] if figure_name else [], FIGURES)
    left_out: dict[archive.LeftOut, None] = {}
    folders = [archive.find(run, archive.home(), left_out.setdefault) for run in runs]
    alike = [archive.find(run, archive.home(), left_out.setdefault) for run in same_code]
    tell_left_out(list(left_out))
    named_folders = zip(names_of(folders), folders, strict=True)
    with collector_at_rest():
        summed_up = [SummedUp.read(name, folder) for name, folder in named_folders]
    first = summed_up[0]
    figure_name = figure_name or usual_figure(first.cases)
    comparison = compare_summed_up(summed_up, FIGURES[figure_name])
    if comparison.obstacles and not force:
        raise UsageError(
            "; ".join(comparison.obstacles) + ".\n"
            "Their figures answer different questions. To compare them anyway, add --force."
        )
    if comparison.left_out and not comparison.rows:
        raise UsageError(f"{comparison.left_out}.\nMeasure both runs with longer --seconds.")
    if not comparison.rows:
        raise UsageError(
            f"{' and '.join(comparison.names)} have no case in common with {figure_name}.\n"
            "`bench compare` compares equal cases: measure the same cases in both runs."
        )
    if margin is not None and (apart := comparison.without_common_cases):
        raise UsageError(
            f"{apart[0]} has no case in common with {first.name} by {comparison.figure.title}, so"
            " it cannot pass.\nLeave it out, or measure the same cases in both runs."
        )
    if further := further_runs(first.header, alike, [row.case for row in comparison.rows]):
        comparison = compare_summed_up(summed_up, FIGURES[figure_name], same_code=further)
    decision = None if margin is None else comparison.gate(margin)
    show(comparison, form, decision)
    if charts:
        name = "..".join(Path(name).name for name in comparison.names)
        folder = out or archive.home() / "compare" / file_name(name)
        selections = [select_from(run.header, run.measured.summaries) for run in summed_up]
        _draw(comparison, selections, folder)
    if decision is None:
        return 0
    from bench.cli.gate_command import gate_command
    from bench.cli.gate_words import Hints, gate_lines
    from bench.cli.measurement import command_line

    for line in gate_lines(decision, Hints(first.header, command_line(None))):
        echo(line, err=True)
    for run, folder in zip(summed_up[1:], folders[1:], strict=True):
        if run.name in decision.doubtful_runs:
            again = gate_command(
                folders[0], folder, run.header, comparison.figure, decision.margin, alike
            )
            echo(f"To measure them again: {again}", err=True)
    return decision.exit_code(allow_blind=allow_blind)


def show(comparison: "Comparison", form: str, decision: "GateDecision | None") -> None:
    """Print the comparison, and what the gate decided, in this format."""
    from bench.output.terminal import comparison as text
    from bench.output.terminal.console import WIDE, console

    if form == "json":
        echo(text.as_json(comparison, decision))
    elif form == "markdown":
        echo(text.as_markdown(comparison))
    elif form == "github":
        echo(text.as_github(comparison, decision))
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            from bench.cli.measurement import command_line
            from bench.output.attempts import Attempts

            # As with a chart: the gate alone sets the exit code.
            with (
                Attempts(command_line(None)).at("job summary"),
                Path(summary).open("a", encoding="utf-8") as page,
            ):
                page.write(text.as_markdown(comparison) + "\n")
    else:
        console(width=WIDE).print(text.render(comparison))


def _draw(comparison: "Comparison", selections: "list[Selection]", folder: Path) -> None:
    from bench.cli.measurement import command_line
    from bench.output.attempts import Attempts
    from bench.output.charts import draw_comparison

    # The gate alone sets the exit code: a chart that fails must not change it.
    with Attempts(command_line(None)).at("charts"):
        drawn = draw_comparison(comparison, selections, folder)
        echo(f"charts   {folder}{os.sep}  ({len(drawn)} files)", err=True)
