"""`bench pool`: show how large a connection pool has to be, and when it deadlocks."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.budget_options import pin_of, pin_option
from bench.cli.connect_options import connect_option, settings
from bench.cli.link_options import link_options
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
    named,
    timeout_option,
    workload_names,
)
from bench.model.errors import UsageError
from bench.output.terminal.safe_text import echo

if TYPE_CHECKING:
    from bench.model.link import Link


@click.command()
@backend_options
@click.option("--quick", is_flag=True, help="Take under a minute: two backends, 1 and 16 clients.")
@click.option(
    "--concurrency",
    callback=counts,
    metavar="N,N",
    help="Numbers of tasks or threads. Default: 1,4,16.",
)
@click.option(
    "--size",
    "sizes",
    callback=counts,
    metavar="N,N",
    help="Sizes of the pool. Default: the powers of two up to the number of clients.",
)
@click.option(
    "--pool-timeout",
    "pool_timeout_s",
    type=Seconds(0.001, 3600),
    metavar="SECONDS",
    help="Time that a client waits for a connection where waits are watched. Default: that of the"
    " library (SQLAlchemy and psycopg 30 s, asyncpg for ever).",
)
@click.option(
    "--workload",
    metavar="NAME",
    shell_complete=completed(workload_names),
    help="The work of an operation. Default: a point read.",
)
@click.option(
    "--workload-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file with workloads of your own, of which --workload chooses one of reads.",
)
@click.option(
    "--pgbouncer/--no-pgbouncer",
    default=None,
    help="Measure behind a PgBouncer of the run's own, too. Default: if PgBouncer is installed.",
)
@link_options
@connect_option
@click.option("--rounds", type=click.IntRange(1, MOST_REPEATED), help="Runs of each case.")
@click.option("--seconds", type=Seconds(0.01, 3600), help="Length of each run.")
@click.option("--label", help="Text for the name of the results folder and for every chart.")
@click.option("--out", type=click.Path(path_type=Path), help="Results folder. It must not exist.")
@charts_option
@click.option("--quiet", is_flag=True, help="Show no progress.")
@pin_option
@timeout_option
@database_url_option
@admin_url_option
def pool(
    backends: tuple[str, ...],
    backend_modules: tuple[str, ...],
    quick: bool,
    concurrency: tuple[int, ...],
    sizes: tuple[int, ...],
    pool_timeout_s: float | None,
    workload: str | None,
    workload_file: Path | None,
    pgbouncer: bool | None,
    links: "tuple[Link, ...]",
    connect: tuple[str, ...],
    rounds: int | None,
    seconds: float | None,
    label: str | None,
    out: Path | None,
    charts: bool,
    quiet: bool,
    pin: bool | None,
    timeout: float,
    database_url: str | None,
    admin_url: str | None,
) -> None:
    """Measure pool sizes against numbers of clients, and show how large a pool has to be.

    Each operation takes a connection from the library's own pool and gives it back. The command
    shows throughput, the wait for a connection, requests that got none, and the connections that
    were opened; for SQLAlchemy also its default pool (5 + 10), pre-ping and no pool (NullPool); and
    the same behind a PgBouncer in transaction mode, started for the run, if it is installed.
    Then clients that hold a connection ask for a second one: a pool that is too small deadlocks.
    It writes a results folder with a heat map.

    \b
    Examples:
      bench pool
      bench pool --quick
      bench pool --backend orm+asyncpg --concurrency 8,32 --size 1,2,4,8
      bench pool --backend asyncpg --latency 0,1ms
      bench pool --backend orm+psycopg2 --size 1,2 --pool-timeout 0.01
      bench pool --backend psycopg --pgbouncer --quick
      bench pool --backend asyncpg --workload-file shop.py --workload orders
    """
    from bench.cli.measurement import CommandOptions, tell_left_out
    from bench.model.dataset import Dataset
    from bench.model.link import Link
    from bench.model.profiles import POINT_READ
    from bench.model.workload import WORKLOADS
    from bench.server.pgbouncer import installed
    from bench.studies.pool.plan import CONCURRENCY, POOL, QUICK, Asked, chosen_names, plan

    if workload_file and pgbouncer:
        raise UsageError(
            "no PgBouncer is put in front of a workload file: its sessions have settings of their"
            " own.\nLeave out either --pgbouncer or --workload-file."
        )
    (name,) = named("workload", [(not workload_file and workload) or POINT_READ], WORKLOADS)
    if WORKLOADS[name].writes:
        raise UsageError(
            f"{name} writes, and the pools of a run are to read equal rows.\n"
            f"Choose a read with --workload: {POINT_READ}."
        )
    profile = QUICK if quick else POOL
    profile = replace(profile, rounds=rounds or profile.rounds, seconds=seconds or profile.seconds)
    chosen = choose_backends(chosen_names(backends, quick=quick), backend_modules, timeout)
    asked = Asked(
        concurrency=concurrency or ((1, 16) if quick else CONCURRENCY),
        sizes=sizes,
        workload=name,
        links=links or (Link(),),
        connect=settings(connect, chosen.values()),
        pgbouncer=None if pgbouncer is False else installed(),
        timeout_s=pool_timeout_s,
    )
    options = CommandOptions(
        database_url, admin_url, timeout, label or "", out, charts, quiet, pin_of(pin)
    )
    if workload_file:
        from bench.cli.pool_workload_file import pool_workload_file
        from bench.cli.workload_file import WORKLOAD_FILE_SCALE, Place

        pool_workload_file(
            workload_file,
            workload,
            profile,
            Place(chosen, bool(backends), Dataset(WORKLOAD_FILE_SCALE), options),
            asked,
        )
        return
    if asked.pgbouncer is None and pgbouncer is not False:
        absent = "PgBouncer is not installed here: no pgbouncer in PATH or /usr/sbin"
        if pgbouncer:
            raise UsageError(f"{absent}.\nInstall it, or leave --pgbouncer out.")
        echo(f"left out: the rows of PgBouncer: {absent}", err=True)
    planned = plan(profile, chosen, asked)
    behind = [why for key, why in planned.impossible.items() if key.endswith("/PgBouncer")]
    tell_left_out(planned, chosen, behind)
    config = options.config(
        planned,
        {case.backend: chosen[case.backend] for case in planned.probes["pool waits"]},
        Dataset(profile.scale, 1),
        connect=asked.connect,
    )
    options.carry_out(config, profile.name)
