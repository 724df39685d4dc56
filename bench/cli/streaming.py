"""`bench streaming`: show which ways of fetching really stream, and their gains and costs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.connect_options import connect_option, settings
from bench.cli.options import (
    admin_url_option,
    backend_options,
    charts_option,
    choose_backends,
    database_url_option,
    timeout_option,
)
from bench.model.errors import UsageError

if TYPE_CHECKING:
    from accessors import DiscoveredBackend


@click.command()
@backend_options
@click.option(
    "--quick", is_flag=True, help="Take under a minute: fewer backends, up to 30,000 rows."
)
@click.option(
    "--explain",
    metavar="BACKEND",
    help="Show the ways of fetching of this backend, with their lines of code and their figures.",
)
@click.option(
    "--workload-file",
    type=click.Path(path_type=Path),
    help="Fetch the results of the reads that this Python file declares (docs/your-own-query.md).",
)
@click.option(
    "--workload",
    "workloads",
    multiple=True,
    metavar="NAME",
    help="Only this read of the workload file. Repeatable.",
)
@click.option(
    "--rows",
    "most_rows",
    type=click.IntRange(1, 100_000),
    default=100_000,
    show_default=True,
    help="Rows of the largest result.",
)
@click.option("--label", help="Text for the name of the results folder and for every chart.")
@click.option("--out", type=click.Path(path_type=Path), help="Results folder. It must not exist.")
@charts_option
@click.option("--quiet", is_flag=True, help="Show no progress.")
@timeout_option
@connect_option
@database_url_option
@admin_url_option
def streaming(
    backends: tuple[str, ...],
    backend_modules: tuple[str, ...],
    quick: bool,
    explain: str | None,
    workload_file: Path | None,
    workloads: tuple[str, ...],
    most_rows: int,
    label: str | None,
    out: Path | None,
    charts: bool,
    quiet: bool,
    timeout: float,
    connect: tuple[str, ...],
    database_url: str | None,
    admin_url: str | None,
) -> None:
    """Fetch results of 1 to 100,000 rows in every way, and show which ways stream.

    To prove it, each way of fetching gets a read that fails late and a read that is left early.
    First row, memory, event-loop stalls and rows/s show its gains and costs. The command prints a
    verdict for each way, the break-even (the number of rows from which streaming wins), and whether
    the claims about streaming hold. It writes a results folder with charts.

    \b
    Examples:
      bench streaming
      bench streaming --quick --backend orm+asyncpg
      bench streaming --explain orm+asyncpg
      bench streaming --quick --workload-file shop.py --workload orders
    """
    from bench.cli.measurement import CommandOptions
    from bench.studies.streaming.plan import connected, plan, rows

    chosen = choose_backends((explain,) if explain else backends, backend_modules, timeout)
    ways = settings(connect, chosen.values())
    options = CommandOptions(database_url, admin_url, timeout, label or "", out, charts, quiet)
    if workload_file:
        from bench.cli.streaming_workload_file import stream_workload_file
        from bench.cli.workload_file import WORKLOAD_FILE_SCALE, Place
        from bench.model.dataset import Dataset

        if explain:
            raise UsageError(
                "--explain shows the code of the built-in reads, and a workload file has its own.\n"
                "Leave out either it or --workload-file."
            )
        stream_workload_file(
            workload_file,
            workloads,
            Place(chosen, bool(backends), Dataset(WORKLOAD_FILE_SCALE), options),
            ways,
            quick=quick,
            most_rows=most_rows,
        )
        return
    if workloads:
        raise UsageError(
            "--workload names a read of a workload file.\nAdd --workload-file, or leave it out."
        )
    planned = connected(
        plan(chosen, quick=quick or explain is not None, most_rows=most_rows), chosen, ways
    )
    config = options.config(
        planned,
        {case.backend: chosen[case.backend] for case in planned.everything},
        rows(most_rows),
        connect=ways,
    )
    folder = options.carry_out(config, planned.profile.name)
    if explain:
        _explain(folder, chosen[explain])


def _explain(folder: Path, discovered: "DiscoveredBackend") -> None:
    from bench.analysis.summary import summarise
    from bench.output.terminal.console import console
    from bench.results.file import load
    from bench.studies.streaming.evidence import ways_of
    from bench.studies.streaming.explain import explain

    assert discovered.backend is not None, "a measured backend is available"
    results = load(folder)
    ways = ways_of(results, summarise(results))
    console().print(explain(discovered.backend, discovered.module, ways))
