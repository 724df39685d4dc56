"""`bench overhead`: measure what the harness itself costs."""

import sys
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from bench.cli.connect_options import connect_option, settings
from bench.cli.options import (
    MOST_REPEATED,
    Seconds,
    admin_url_option,
    choose_backends,
    counts,
    database_url_option,
    no_workload_file,
)
from bench.model.dataset import Dataset
from bench.model.errors import UsageError
from bench.output.terminal.safe_text import echo, echo_over

if TYPE_CHECKING:
    from bench.analysis.stats import Interval
    from bench.studies.overhead.guard import GuardCost
    from bench.studies.overhead.overhead import Overhead


_SYNC = ("psycopg2", "psycopg", "core+psycopg2", "orm+psycopg2")
_ASYNC = ("asyncpg", "psycopg-async", "core+asyncpg", "orm+asyncpg")
_BACKENDS = (*_SYNC, *_ASYNC)
"""The backends that a bare loop is written for, as in `bench.studies.overhead.baseline`."""

_OPEN = 3
"""The exit code if no limit is exceeded for sure, but the pairs are too few to tell."""


@click.command()
@no_workload_file(
    "it holds the harness against bare loops of the built-in functions",
    "Measure the file: bench run --workload-file.",
)
@click.option(
    "--backend",
    "backends",
    multiple=True,
    type=click.Choice(_BACKENDS),
    metavar="NAME",
    help=f"Only this backend. Repeatable. Default: all that a bare loop is written for:"
    f" {', '.join(_BACKENDS)}.",
)
@click.option(
    "--concurrency",
    callback=counts,
    default="1,16",
    show_default=True,
    metavar="N,N",
    help="Numbers of tasks or threads.",
)
@click.option(
    "--seconds",
    type=Seconds(0.01, 3600),
    default=0.05,
    show_default=True,
    help="Length of each turn.",
)
@click.option(
    "--pairs",
    type=click.IntRange(2, MOST_REPEATED),
    default=2000,
    show_default=True,
    help="Maximum number of pairs of turns for one ratio.",
)
@click.option("--guard", is_flag=True, help="Measure session_guard instead of the harness.")
@connect_option
@database_url_option
@admin_url_option
@click.pass_context
def overhead(
    context: click.Context,
    backends: tuple[str, ...],
    concurrency: tuple[int, ...],
    seconds: float,
    pairs: int,
    guard: bool,
    connect: tuple[str, ...],
    database_url: str | None,
    admin_url: str | None,
) -> int:
    """Compare the harness with a bare loop that does the same point read, in alternating turns.

    Prints the median ratios of throughput and of client CPU time per operation. Pairs of turns
    are added until the 95 % intervals are within 1.5 % on either side, or until three minutes are
    over. The exit code is 1 if the harness reaches less than 97 % of the bare loop's throughput, or
    adds more than 5 % of CPU time. It is 3 if a wider interval includes such a limit, because the
    machine was too busy. Clients and server have processors of their own, where that is possible.

    With --guard, the command measures what a guarded session (docs/session-guard.md) adds to a
    call, and to a unit of work of one task: open a session, do one point read, close the session.
    It stops when the interval is within 0.5 %, or after two minutes. The exit code is 1 if
    GuardedSession adds more than 1.5 µs or 3 %. A guarded engine is measured as well, without a
    limit: SQLAlchemy's own calls of event listeners take longer than that.

    \b
    Examples:
      bench overhead --backend asyncpg --concurrency 16
      bench overhead --backend psycopg --connect psycopg.prepare_threshold=none
      bench overhead --guard
    """
    if guard:
        _refuse_others(context, "backends", "concurrency", "seconds", "connect")
        return _guard(pairs, database_url, admin_url)
    return _harness(backends, concurrency, seconds, pairs, connect, database_url, admin_url)


def _refuse_others(context: click.Context, *names: str) -> None:
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in names and source is ParameterSource.COMMANDLINE:
            raise UsageError(
                f"{parameter.opts[0]} is for the harness: leave out either it or --guard.\n"
                "The guard is measured with one task, over asyncpg."
            )


def _guard(most_rounds: int, database_url: str | None, admin_url: str | None) -> int:
    from bench.dataset import loading as rows
    from bench.dataset import lock
    from bench.server.resolution import resolve
    from bench.studies.overhead.guard import measure

    database, dataset = resolve(database_url, ["asyncpg"], admin_url=admin_url), Dataset()
    with lock.held(database) as held:
        rows.ensure(held.connection, dataset)

        latest: list[GuardCost] = []

        def after_rounds(measured: "GuardCost") -> None:
            latest[:] = [measured]
            held.check()
            _tell_rounds(measured)

        url = database.url_for("asyncpg")
        try:
            measured = measure(url, dataset.orders, most_rounds, after_rounds)
        except KeyboardInterrupt:
            for measured in latest:
                _show_guard(measured)
            raise
    _show_guard(measured)
    return 0 if measured.kept else 1


def _show_guard(measured: "GuardCost") -> None:
    """Print what was measured. An interrupted command may lack the engine's guard."""
    from bench.studies.overhead.guard import SHOWN

    shown = [side for side in SHOWN if any(side in turn.unit_ns for turn in measured.rounds)]
    words = "" if measured.kept else "  ABOVE THE LIMIT"
    echo(
        f"session_guard, no session shared: medians of {len(measured.rounds)} interleaved turns"
        f" [95 % interval]{words}\n"
        f"a call on a GuardedSession takes {_microseconds(measured.a_call_ns)} more\n"
        f"a unit of work (open, one point read, close) takes {_microseconds(measured.a_unit_ns)}\n"
        "time with the guard, as a share of the time without it:\n"
        + "\n".join(f"  {side:15} {_ratio(measured.share(side))}" for side in shown)
    )


def _tell_rounds(measured: "GuardCost") -> None:
    if sys.stderr.isatty():
        echo_over(f"{len(measured.rounds)} turns")


def _microseconds(time: "Interval") -> str:
    if time.low is None or time.high is None:
        return f"{time.median / 1e3:.2f} µs"
    return f"{time.median / 1e3:.2f} [{time.low / 1e3:.2f} to {time.high / 1e3:.2f}] µs"


def _harness(
    backends: tuple[str, ...],
    concurrency: tuple[int, ...],
    seconds: float,
    pairs: int,
    connect: tuple[str, ...],
    database_url: str | None,
    admin_url: str | None,
) -> int:
    from bench.dataset import loading as rows
    from bench.dataset import lock
    from bench.execution.behind_pooler import refused_cases
    from bench.execution.pinning import pinned, where_possible
    from bench.measure.runner import Job
    from bench.measure.worker_pool import WorkerPool
    from bench.model.case import Case
    from bench.model.connect import variants
    from bench.model.profiles import POINT_READ
    from bench.server.database import postmaster_pid
    from bench.server.drivers import drivers_of
    from bench.server.pooler import detect
    from bench.server.resolution import resolve
    from bench.studies.overhead.overhead import measure
    from bench.system.limits import check_open_files

    chosen = choose_backends(backends or _BACKENDS, ())
    taken = settings(connect, chosen.values())
    clients, dataset = max(concurrency) + 1, Dataset()
    database = resolve(database_url, drivers_of(chosen.values()), clients, admin_url=admin_url)
    cases = [
        Case(name, POINT_READ, concurrency=count, connect=way)
        for name, found in chosen.items()
        if found.backend
        for count in concurrency
        for way in variants(taken, found.backend)
    ]
    refused = refused_cases(cases, chosen, database, detect(database))
    for reason in dict.fromkeys(refused.values()):
        echo(f"left out: {reason}", err=True)
    jobs = [
        Job(
            case,
            chosen[case.backend].module,
            database.url_for(found.driver),
            dataset,
            seconds=seconds,
            warm_up_s=0.05,
        )
        for case in cases
        if case not in refused and (found := chosen[case.backend].backend)
    ]
    with lock.held(database) as held, WorkerPool() as worker_pool:
        check_open_files(max(concurrency))
        database.check_capacity(clients)
        rows.ensure(held.connection, dataset)

        latest: dict[Case, Overhead] = {}

        def after_pairs(measured: "Overhead") -> None:
            latest[measured.job.case] = measured
            held.check()
            _tell(measured)

        echo("harness / bare loop: median of paired turns [95 % interval]")
        echo(f"{'backend':13} {'at':>3}  {'throughput':24} {'client CPU per operation':24} pairs")
        server_pid = postmaster_pid(held.connection)
        try:
            with pinned(worker_pool, server_pid, where_possible(server_pid)):
                overheads = measure(worker_pool, jobs, pairs, after_pairs)
        except KeyboardInterrupt:
            for measured in latest.values():
                echo(_row(measured))
            echo(f"interrupted: {len(latest)} of {len(jobs)} lines have pairs", err=True)
            raise
    for measured in overheads:
        echo(_row(measured))
    kept = {overhead.kept for overhead in overheads}
    return 1 if False in kept else _OPEN if None in kept else 0


def _tell(measured: "Overhead") -> None:
    if sys.stderr.isatty():
        echo_over(_row(measured))


def _row(measured: "Overhead") -> str:
    case = measured.job.case
    words = "" if measured.narrow else "  (not yet within 1.5 %)"
    if measured.kept is False:
        words += "  ABOVE THE LIMIT"
    elif measured.kept is None:
        words += "  the limit is within an interval"
    return (
        f"{case.backend:13} {case.concurrency:3}  {_ratio(measured.throughput):24}"
        f" {_ratio(measured.cpu_per_operation):24} {len(measured.pairs):5}"
        f"{f'  with {case.connect}' if case.connect else ''}{words}"
    )


def _ratio(ratio: "Interval") -> str:
    if ratio.low is None or ratio.high is None:
        return f"{ratio.median:.3f}"
    return f"{ratio.median:.3f} [{ratio.low:.3f} to {ratio.high:.3f}]"
