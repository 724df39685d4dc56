"""`bench history`: show a case in all runs in results/."""

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.options import counts, figure_option, named
from bench.model.errors import BenchError, UsageError
from bench.output.terminal.safe_text import echo

if TYPE_CHECKING:
    from bench.analysis.compare.history import Moment
    from bench.analysis.compare.kept_figures import ByRound
    from bench.analysis.figure import Figure
    from bench.model.case import Case
    from bench.results.header import Header


@click.command()
@click.option(
    "--backend", "backends", multiple=True, metavar="NAME", help="Only this backend. Repeatable."
)
@click.option("--workload", default="get_total_cost_of_an_order", show_default=True, metavar="NAME")
@click.option("--fetch", default="buffered", show_default=True, metavar="MODE[:SIZE]")
@click.option(
    "--concurrency",
    callback=counts,
    default="1",
    show_default=True,
    metavar="N,N",
    help="Numbers of tasks or threads.",
)
@figure_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for the chart.  [default: results/history]",
)
def history(
    backends: tuple[str, ...],
    workload: str,
    fetch: str,
    concurrency: tuple[int, ...],
    figure_name: str | None,
    out: Path | None,
) -> None:
    """Show the figure of cases in every run in results/, the oldest first.

    Only plain cases are shown: one session per task, autocommit, native rows. A change of versions,
    server, machine or dataset between two runs is named.

    \b
    Example:
      bench history --backend asyncpg --backend orm+asyncpg --concurrency 1,16
    """
    from bench.analysis.compare.comparison import names_of
    from bench.analysis.compare.history import history_of_rounds
    from bench.analysis.compare.kept_figures import figures_of
    from bench.analysis.figure import FIGURES
    from bench.model.case import Case
    from bench.model.fetch import Fetch
    from bench.model.workload import WORKLOADS
    from bench.output.attempts import tell_left_out
    from bench.output.charts import draw_history
    from bench.results import archive
    from bench.results.file import load
    from bench.results.header import BackendFacts

    (figure_name,) = named("figure", [figure_name or "throughput"], FIGURES)
    fetch_mode = Fetch.parse(fetch)
    figure = FIGURES[figure_name]
    left_out: list[archive.LeftOut] = []
    folders = archive.runs(archive.home(), left_out.append)
    described: dict[str, BackendFacts] = {}
    newest: list[Path] = []

    known: dict[str, None] = {}

    def wanted(case: Case) -> bool:
        known.setdefault(case.backend)
        plain = (Case(case.backend, workload, fetch_mode, n, loop=case.loop) for n in concurrency)
        return (case.backend in backends or not backends) and case in plain

    def measured() -> "Iterator[tuple[str, Header, dict[Case, ByRound]]]":
        """Yield each run with the wanted cases alone, so that one is in memory at a time."""
        for name, folder in zip(names_of(folders), folders, strict=True):
            try:
                header, figures = figures_of(folder, wanted)
            except BenchError as error:
                left_out.append(archive.left_out_for(folder, error))
                continue
            described.update(header.backends)
            of_figure = {case: by.get(figure_name, {}) for case, by in figures.items()}
            if any(of_figure.values()):
                newest[:] = [folder]
            yield name, header, of_figure

    moments = history_of_rounds(measured())
    tell_left_out(left_out)
    _check(backends, known)
    if not moments:
        named("workload", [workload], WORKLOADS)  # with the statements of the runs that were read
        raise UsageError(
            f"no run in {archive.home()} has such a case.\n"
            "Measure it with `bench run`. `bench list` shows backends and workloads."
        )
    shown = {case.backend for moment in moments for case in moment.figures}
    for name in dict.fromkeys(backends):
        if name not in shown:
            echo(f"left out: {name}, since no run has such a case of it", err=True)
    _print(moments, figure)
    folder = out or archive.home() / "history"
    try:
        drawn = draw_history(
            moments, figure, load(newest[0]), described, folder, f"{figure_name}-{workload}"
        )
    except OSError as error:
        raise BenchError(
            f"cannot write the chart to {folder}: {error.strerror}.\n"
            "Choose a folder that you may write with --out."
        ) from error
    echo(f"\nchart    {drawn[0]}")


def _check(backends: Iterable[str], known: Collection[str]) -> None:
    """Refuse a backend that no run has. A typing error would look like a backend without a case."""
    from bench.results import archive

    for name in backends:
        if known and name not in known:
            close = get_close_matches(name, known, n=1, cutoff=0.5)
            guess = f" Did you mean {close[0]!r}?" if close else ""
            raise UsageError(
                f"no run in {archive.home()} has a backend named {name!r}.{guess}\n"
                f"They have {', '.join(sorted(known))}."
            )


def _print(moments: "list[Moment]", figure: "Figure") -> None:
    from bench.analysis.compare.history import cases_of, few
    from bench.model.units import with_unit

    for case in cases_of(moments):
        echo(f"\n{case.title}: {figure.title}")
        for moment in moments:
            estimate = moment.figures.get(case)
            if estimate is None:
                continue
            text = with_unit(estimate.median, figure.units)
            if estimate.low is not None and estimate.high is not None:
                low, high = (with_unit(end, figure.units) for end in (estimate.low, estimate.high))
                text += f" ({low} to {high}){' ?' if few(moment) else ''}"
            echo(f"  {moment.created_at[:16]}  {text:34} {moment.name}")
    changed = [(moment, change) for moment in moments for change in moment.changes]
    if changed:
        echo("\nChanges of the environment:")
    for moment, change in changed:
        echo(f"  {moment.name}: {change}")
    apart = [(moment, reason) for moment in moments for reason in moment.obstacles]
    if apart:
        echo("\nNot to be compared with the run before:")
    for moment, reason in apart:
        echo(f"  {moment.name}: {reason}")
    if any(few(moment) for moment in moments):
        echo("\n? fewer than 6 rounds: the confidence of the interval is below 95 %.")
