"""`bench saturate`: search the highest arrival rate that each backend holds."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from bench.cli.budget_options import pin_of, pin_option
from bench.cli.link_options import link_options
from bench.cli.options import (
    MOST_CONCURRENT,
    Seconds,
    admin_url_option,
    backend_options,
    charts_option,
    choose_backends,
    completed,
    database_url_option,
    dataset_options,
    named,
    timeout_option,
    workload_files_option,
    workload_names,
)
from bench.cli.scheduler_option import checked, scheduler_option
from bench.model.errors import UsageError

if TYPE_CHECKING:
    from accessors.api import Transactions
    from bench.model.case import SessionScope
    from bench.model.link import Link
    from bench.model.rate import ArrivalPattern

SCALE = 0.5
"""The rows of the quick profile."""


def _objective(context: click.Context, option: click.Parameter, text: str) -> int:
    from bench.model.link import duration_ns

    found = duration_ns(text)
    if found < 1000:
        raise UsageError("no response is that short.\nGive an objective such as --objective 20ms.")
    return found


@click.command()
@backend_options
@click.option(
    "--objective",
    "objective_ns",
    metavar="TIME",
    default="20ms",
    show_default=True,
    callback=_objective,
    help="The highest p99 of the response, from the intended start of an operation to its end.",
)
@click.option(
    "--workload",
    metavar="NAME",
    shell_complete=completed(workload_names),
    help="The operations that arrive. Default: get_total_cost_of_an_order, or the only workload of"
    " the file.",
)
@workload_files_option("Take the operations of a workload")
@click.option(
    "--concurrency",
    type=click.IntRange(1, MOST_CONCURRENT),
    default=8,
    show_default=True,
    help="The most connections that serve them.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, MOST_CONCURRENT),
    default=1,
    show_default=True,
    help="Worker processes that share the connections. Each serves its share of the arrivals.",
)
@scheduler_option
@click.option(
    "--arrivals",
    type=click.Choice(["poisson", "uniform"]),
    default="poisson",
    show_default=True,
    help="Random times between two arrivals, as of many users, or equal ones.",
)
@click.option(
    "--session-scope",
    type=click.Choice(["task", "operation"]),
    default="task",
    show_default=True,
    help="One session for each client, or a new session for every operation.",
)
@click.option(
    "--transactions",
    type=click.Choice(["autocommit", "implicit"]),
    default="autocommit",
    show_default=True,
    help="Reads in autocommit, or with the library's own BEGIN and ROLLBACK around them.",
)
@link_options
@click.option(
    "--seconds",
    type=Seconds(1, 3600),
    default=1.0,
    show_default=True,
    help="Length of each window, at least; a low rate makes it longer (docs/arrival-rate.md).",
)
@partial(dataset_options, scale=f"{SCALE}")
@database_url_option
@admin_url_option
@click.option(
    "--label", metavar="TEXT", help="Text for the name of the results folder and for every chart."
)
@click.option("--out", type=click.Path(path_type=Path), help="Results folder. It must not exist.")
@pin_option
@timeout_option
@charts_option
@click.option("--quiet", is_flag=True, help="Print only the table at the end.")
def saturate(
    backends: tuple[str, ...],
    backend_modules: tuple[str, ...],
    objective_ns: int,
    workload: str | None,
    workload_files: tuple[str, ...],
    concurrency: int,
    processes: int,
    scheduler: str | None,
    arrivals: "ArrivalPattern",
    session_scope: "SessionScope",
    transactions: "Transactions",
    links: "tuple[Link, ...]",
    seconds: float,
    scale: float | None,
    seed: int,
    database_url: str | None,
    admin_url: str | None,
    label: str | None,
    out: Path | None,
    pin: bool | None,
    timeout: float,
    charts: bool,
    quiet: bool,
) -> None:
    """Search the highest arrival rate that each backend holds with a p99 below the objective.

    Operations arrive at random times, whether or not earlier ones are done. The search is a
    bisection; its answer is confirmed in six windows. The command prints the answers, and draws
    latency against the rate up to the knee. A backend takes about half a minute. After Ctrl-C, what
    was measured is kept and shown.

    \b
    Examples:
      bench saturate --backend asyncpg --backend orm+asyncpg
      bench saturate --backend psycopg --objective 5ms --concurrency 16
      bench saturate --backend asyncpg --workload mixed --latency 1ms
      bench saturate --backend orm+asyncpg --workload-file shop.py --workload orders
      bench saturate --backend orm+asyncpg --concurrency 8 --processes 2
    """
    from bench.cli.measurement import CommandOptions
    from bench.model.case import Case
    from bench.model.dataset import Dataset
    from bench.model.link import Link
    from bench.model.profiles import POINT_READ
    from bench.model.workload import WORKLOADS
    from bench.studies.saturation.measurement import SearchTask, measure
    from bench.studies.saturation.plan import PROFILE, plan

    if len(links) > 1:
        raise UsageError("a search has one network.\nGive one --latency, and repeat the command.")
    name = POINT_READ
    if not workload_files:
        (name,) = named("workload", [workload or POINT_READ], WORKLOADS)
    chosen = choose_backends(backends, backend_modules, timeout)
    case = Case(
        "",
        name,
        concurrency=concurrency,
        session_scope=session_scope,
        transactions=transactions,
        link=links[0] if links else Link(),
        processes=processes,
    )
    on_cluster = checked(scheduler, links)
    profile = replace(PROFILE, seconds=seconds, scale=SCALE if scale is None else scale)
    dataset = Dataset(profile.scale, seed)
    asked = SearchTask(objective_ns, arrivals)
    options = CommandOptions(
        database_url, admin_url, timeout, label or "", out, charts, quiet, pin_of(pin)
    )
    if workload_files:
        from bench.cli.saturate_workload_file import saturate_workload_file
        from bench.cli.workload_file import Place

        source = click.get_current_context().get_parameter_source("transactions")
        saturate_workload_file(
            workload_files,
            workload,
            profile,
            case,
            asked,
            Place(chosen, bool(backends), dataset, options),
            own_transactions=source is ParameterSource.COMMANDLINE,
            scheduler=on_cluster,
        )
        return
    planned = plan(profile, chosen, case)
    config = options.config(
        planned,
        {case.backend: chosen[case.backend] for case in planned.cases},
        dataset,
        scheduler=on_cluster,
    )
    options.carry_out(config, profile.name, measured=partial(measure, asked))
