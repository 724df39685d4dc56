"""`bench run`: measure the cases of a profile and write a results folder."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.budget_options import (
    budget_option,
    check_budget,
    pin_of,
    pin_or_budget_option,
    within,
)
from bench.cli.connect_options import connect_option, settings
from bench.cli.link_options import link_options, transports
from bench.cli.options import (
    MOST_REPEATED,
    Seconds,
    admin_url_option,
    backend_options,
    charts_option,
    choose_backends,
    completed,
    counts,
    database_url_option,
    dataset_options,
    named,
    processes_option,
    profile_names,
    timeout_option,
    workload_files_option,
    workload_option,
)
from bench.cli.rate_options import check_with_rate, rate_options
from bench.cli.scheduler_option import checked, scheduler_option
from bench.model.errors import UsageError

if TYPE_CHECKING:
    from accessors.api import Transactions
    from bench.model.case import Allocator, Loop, RowForm, SessionScope, Transport
    from bench.model.link import Link
    from bench.model.plan import Plan
    from bench.model.profiles import Profile
    from bench.model.rate import ArrivalPattern

_LONGEST_WRITES_S = 120


@click.command()
@click.option(
    "--profile",
    "profile_name",
    default="quick",
    show_default=True,
    metavar="NAME",
    shell_complete=completed(profile_names),
    help="smoke, quick or full: the cases and the length of the run (see `bench list`).",
)
@backend_options
@workload_option
@workload_files_option("Measure the workloads")
@click.option(
    "--fetch",
    "fetches",
    multiple=True,
    metavar="MODE[:SIZE]",
    help="buffered, streamed or batched, with a batch size if you like: batched:1000. Repeatable.",
)
@click.option(
    "--concurrency",
    callback=counts,
    metavar="N,N",
    help="Numbers of tasks or threads, as in 1,4,16,64.",
)
@click.option(
    "--session-scope",
    "session_scopes",
    multiple=True,
    type=click.Choice(["task", "operation"]),
    help="One session for each task, or a new session for every operation, as in a web request.",
)
@click.option(
    "--transactions",
    multiple=True,
    type=click.Choice(["autocommit", "implicit"]),
    help="Reads in autocommit, or with the library's own BEGIN and ROLLBACK around them.",
)
@click.option(
    "--rows",
    multiple=True,
    type=click.Choice(["native", "dict"]),
    help="Rows as the library returns them, or converted to plain dicts.",
)
@click.option(
    "--loop",
    "loops",
    multiple=True,
    type=click.Choice(["asyncio", "uvloop"]),
    help="Event loop of the async backends. Repeatable; both are measured in one run and compared.",
)
@link_options
@rate_options
@processes_option
@scheduler_option
@click.option(
    "--transport",
    "transports",
    callback=transports,
    metavar="WAY,WAY",
    help="Way to a server on this machine: unix (its Unix socket) or tcp, or both to compare them.",
)
@click.option(
    "--allocator",
    "allocators",
    multiple=True,
    type=click.Choice(["warmed", "fresh"]),
    help="State of glibc's allocator: after a large block was freed, or as in a program that has"
    " freed none (docs/allocator.md). Repeatable.",
)
@click.option(
    "--rounds", type=click.IntRange(1, MOST_REPEATED), help="Number of runs of each case."
)
@budget_option
@pin_or_budget_option
@click.option("--seconds", type=Seconds(0.01, 3600), help="Length of each run.")
@click.option(
    "--warm-up",
    "warm_up_s",
    type=Seconds(0, 3600),
    metavar="SECONDS",
    help="Length of the warm-up before a case's first run in a worker process. Later runs warm up"
    " for a twentieth of --seconds.",
)
@connect_option
@dataset_options
@database_url_option
@admin_url_option
@click.option(
    "--label", metavar="TEXT", help="Text for the name of the results folder and for every chart."
)
@click.option("--out", type=click.Path(path_type=Path), help="Results folder. It must not exist.")
@timeout_option
@click.option(
    "--verify/--no-verify",
    default=None,
    help="Compare all answers with the server's own before timing. Default: only if code, rows or"
    " server have changed since the last time.",
)
@click.option("--guard", is_flag=True, help="Measure with session_guard (docs/session-guard.md).")
@charts_option
@click.option("--quiet", is_flag=True, help="Print only the table at the end.")
def run(
    profile_name: str,
    backends: tuple[str, ...],
    backend_modules: tuple[str, ...],
    workloads: tuple[str, ...],
    workload_files: tuple[str, ...],
    fetches: tuple[str, ...],
    concurrency: tuple[int, ...],
    session_scopes: "tuple[SessionScope, ...]",
    transactions: "tuple[Transactions, ...]",
    rows: "tuple[RowForm, ...]",
    rounds: int | None,
    budget_s: float | None,
    pin: bool | None,
    seconds: float | None,
    warm_up_s: float | None,
    scale: float | None,
    seed: int,
    database_url: str | None,
    admin_url: str | None,
    label: str | None,
    out: Path | None,
    timeout: float,
    verify: bool | None,
    guard: bool,
    charts: bool,
    quiet: bool,
    loops: "tuple[Loop, ...]",
    connect: tuple[str, ...],
    allocators: "tuple[Allocator, ...]",
    links: "tuple[Link, ...]",
    transports: "tuple[Transport, ...]",
    rates: tuple[int, ...],
    arrivals: "ArrivalPattern",
    processes: tuple[int, ...],
    scheduler: str | None,
) -> None:
    """Verify all backends, measure the profile's cases, and write a results folder.

    An option for a factor (workload, fetch, concurrency, ...) replaces the profile's values of that
    factor.

    \b
    Examples:
      bench run
      bench run --profile full --label laptop
      bench run --backend psycopg2 --backend psycopg --concurrency 16 --budget 60s
      bench run --workload mixed --concurrency 1,4,16,64 --rounds 10 --seconds 1
      bench run --backend orm+asyncpg --fetch streamed --fetch batched:1000
      bench run --connect engine.poolclass=NullPool --connect engine.poolclass=default
      bench run --backend asyncpg --loop asyncio --loop uvloop
      bench run --workload get_total_cost_of_an_order --latency 0,0.5ms,2ms,10ms
      bench run --transport unix,tcp --database-url postgresql:///shop
      bench run --workload get_total_cost_of_an_order --concurrency 8 --rate 500,1000,2000
      bench run --workload get_total_cost_of_an_order --concurrency 16 --processes 1,2,4
      bench run --profile smoke --concurrency 4 --processes 2 --scheduler local:2
      bench run --workload-file shop.py --workload orders --budget 60s
    """
    from bench.analysis.stopping import Stopping
    from bench.cli.measurement import CommandOptions, tell_left_out
    from bench.model.dataset import Dataset
    from bench.model.fetch import Fetch
    from bench.model.plan import plan, with_enough_sets
    from bench.model.profiles import PROFILES, Factors
    from bench.model.workload import WORKLOADS

    options = CommandOptions(
        database_url, admin_url, timeout, label or "", out, charts, quiet, pin_of(pin, budget_s)
    )
    if not workload_files:
        (profile_name,) = named("profile", [profile_name], PROFILES)
        workloads = tuple(named("workload", workloads, WORKLOADS))
    chosen = choose_backends(backends, backend_modules, timeout)
    factors = Factors(
        workloads=workloads,
        fetches=tuple(Fetch.parse(fetch) for fetch in fetches),
        concurrency=concurrency,
        session_scopes=session_scopes,
        transactions=transactions,
        rows=rows,
        loops=loops,
        connect=settings(connect, chosen.values()),
        allocators=allocators,
        links=links,
        transports=transports,
        rates=rates,
        arrivals=arrivals,
        processes=processes,
    )
    _check_loops(loops)
    check_with_rate(factors)
    if budget_s is not None:
        check_budget(rounds, rates)
    on_cluster = checked(scheduler, links)
    if workload_files:
        from bench.cli.run_workload_file import run_workload_file
        from bench.cli.workload_file import WORKLOAD_FILE_SCALE, Place

        if transports:
            raise UsageError(
                "--transport is not for a workload file.\n"
                "Name the way in its --database-url: a host, or the folder of a Unix socket."
            )
        dataset = Dataset(scale or WORKLOAD_FILE_SCALE, seed)
        run_workload_file(
            workload_files,
            Place(chosen, bool(backends), dataset, options),
            factors,
            rounds=rounds,
            budget_s=budget_s,
            seconds=seconds,
            warm_up_s=warm_up_s,
            verify=verify is not False,
            guard=guard,
            scheduler=on_cluster,
        )
        return
    profile = _adjusted(PROFILES[profile_name], rounds, seconds, warm_up_s, scale)
    if budget_s is not None and workloads:  # a question of one's own: nothing else takes its time
        profile = replace(profile, blocks=profile.blocks[:1])
    planned = plan(profile, chosen, factors)
    if budget_s is not None:
        planned = within(planned, budget_s, seconds)
    else:
        planned = with_enough_sets(planned)
    _check_writes(planned)
    tell_left_out(planned, chosen)
    config = options.config(
        planned,
        chosen,
        Dataset(profile.scale, seed),
        verify=verify is not False,
        remember=verify is None,
        budget_s=budget_s,
        guard=guard,
        connect=factors.connect,
        scheduler=on_cluster,
    )
    stopping = Stopping(planned.cases) if budget_s is not None else None
    options.carry_out(config, profile.name, stopping=stopping)


def _adjusted(
    profile: "Profile",
    rounds: int | None,
    seconds: float | None,
    warm_up_s: float | None,
    scale: float | None,
) -> "Profile":
    return replace(
        profile,
        rounds=rounds or profile.rounds,
        seconds=seconds or profile.seconds,
        enough_s=None if rounds or seconds else profile.enough_s,
        warm_up_s=profile.warm_up_s if warm_up_s is None else warm_up_s,
        scale=profile.scale if scale is None else scale,
    )


def _check_writes(planned: "Plan") -> None:
    """Raise `UsageError` for a run of writes so long that their arguments would fill the memory."""
    from bench.model.workload import WORKLOADS

    longest = planned.profile.seconds + planned.profile.warm_up_s
    if longest > _LONGEST_WRITES_S and any(WORKLOADS[c.workload].writes for c in planned.cases):
        raise UsageError(
            f"{longest:g} s are too long for a run that writes: no write is repeated, so the"
            " arguments of all writes are made before the run.\n"
            f"Choose at most {_LONGEST_WRITES_S} s with --seconds, and measure more with --rounds."
        )


def _check_loops(loops: "tuple[Loop, ...]") -> None:
    if "uvloop" in loops and find_spec("uvloop") is None:
        raise UsageError("uvloop is not installed: pip install uvloop, or leave --loop out.")
