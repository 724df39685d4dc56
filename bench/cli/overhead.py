"""`bench overhead`: what the harness itself costs."""

import sys
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from bench.cli.options import MOST_REPEATED, Seconds, counts, database_url_option
from bench.model.dataset import Dataset
from bench.model.errors import UsageError
from bench.output.terminal.safe_text import echo, echo_over

if TYPE_CHECKING:
    from bench.analysis.stats import Interval
    from bench.studies.overhead.guard import GuardCost
    from bench.studies.overhead.overhead import Overhead


@click.command()
@click.option(
    "--backend",
    "backends",
    multiple=True,
    type=click.Choice(["asyncpg", "psycopg2"]),
    help="Only this one. Repeatable.",
)
@click.option(
    "--concurrency",
    callback=counts,
    default="1,16",
    show_default=True,
    metavar="N,N",
    help="Tasks or threads.",
)
@click.option(
    "--seconds",
    type=Seconds(0.01, 3600),
    default=0.1,
    show_default=True,
    help="Length of each turn.",
)
@click.option(
    "--pairs",
    type=click.IntRange(2, MOST_REPEATED),
    default=2000,
    show_default=True,
    help="The most pairs of turns for one ratio.",
)
@click.option("--guard", is_flag=True, help="What session_guard costs, instead of the harness.")
@database_url_option
@click.pass_context
def overhead(
    context: click.Context,
    backends: tuple[str, ...],
    concurrency: tuple[int, ...],
    seconds: float,
    pairs: int,
    guard: bool,
    database_url: str | None,
) -> int:
    """Hold the harness against a bare loop that does the same point read, turn by turn.

    Prints the median ratios of throughput and of client CPU time an operation, from as many pairs
    as it takes for 95 % intervals within 1.5 % either way. The exit code is 1 where the harness
    keeps less than 97 % of the bare loop's throughput, or adds more than 5 % of CPU time.

    With --guard: what a guarded session (docs/session-guard.md) adds to a call, and to a unit of
    work of one task (open a session, one point read, close it), within 0.5 % or as near as two
    minutes bring it. The exit code is 1 where GuardedSession adds more than 1.5 µs or 3 %. A
    guarded engine is measured, too, and nothing is promised of it: SQLAlchemy's own announcing of
    its events takes more than that.

    \b
    Examples:
      bench overhead --backend asyncpg --concurrency 16
      bench overhead --guard
    """
    if guard:
        _refuse_others(context, "backends", "concurrency", "seconds")
        return _guard(pairs, database_url)
    return _harness(backends, concurrency, seconds, pairs, database_url)


def _refuse_others(context: click.Context, *names: str) -> None:
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in names and source is ParameterSource.COMMANDLINE:
            raise UsageError(
                f"{parameter.opts[0]} is for the harness: leave it out, or --guard.\n"
                "The guard is measured with one task, over asyncpg."
            )


def _guard(most_rounds: int, database_url: str | None) -> int:
    from bench.dataset import loading as rows
    from bench.dataset import lock
    from bench.server.database import resolve
    from bench.studies.overhead.guard import SHOWN, measure

    database, dataset = resolve(database_url, ["asyncpg"]), Dataset()
    with lock.held(database) as held:
        rows.ensure(held.connection, dataset)

        def after_rounds(found: "GuardCost") -> None:
            held.check()
            _tell_rounds(found)

        found = measure(database.url_for("asyncpg"), dataset.orders, most_rounds, after_rounds)
    words = "" if found.kept else "  MORE THAN PROMISED"
    echo(
        f"session_guard where nothing is shared: medians of {len(found.rounds)} interleaved turns"
        f" [95 % interval]{words}\n"
        f"a call on a GuardedSession takes {_microseconds(found.a_call_ns)} more\n"
        f"a unit of work (open, one point read, close) takes {_microseconds(found.a_unit_ns)};\n"
        "with the guard, as a share of it:\n"
        + "\n".join(f"  {side:15} {_ratio(found.share(side))}" for side in SHOWN)
    )
    return 0 if found.kept else 1


def _tell_rounds(found: "GuardCost") -> None:
    if sys.stderr.isatty():
        echo_over(f"{len(found.rounds)} turns")


def _microseconds(time: "Interval") -> str:
    if time.low is None or time.high is None:
        return f"{time.median / 1e3:.2f} µs"
    return f"{time.median / 1e3:.2f} [{time.low / 1e3:.2f} to {time.high / 1e3:.2f}] µs"


def _harness(
    backends: tuple[str, ...],
    concurrency: tuple[int, ...],
    seconds: float,
    pairs: int,
    database_url: str | None,
) -> int:
    import accessors
    from bench.dataset import loading as rows
    from bench.dataset import lock
    from bench.measure.runner import Job
    from bench.measure.worker_pool import WorkerPool
    from bench.model.case import Case
    from bench.model.profiles import POINT_READ
    from bench.server.database import resolve
    from bench.studies.overhead.overhead import LOOPS, measure
    from bench.system.limits import check_open_files

    database = resolve(database_url, backends or LOOPS)  # each is the driver itself
    dataset = Dataset()
    found = []
    with lock.held(database) as held, WorkerPool() as crew:
        check_open_files(max(concurrency))
        database.check_capacity(max(concurrency) + 1)
        rows.ensure(held.connection, dataset)

        def after_pairs(found: "Overhead") -> None:
            held.check()
            _tell(found)

        echo("harness / bare loop: median of paired turns [95 % interval]")
        echo(f"{'backend':9} {'at':>3}  {'throughput':24} {'client CPU an operation':24} pairs")
        for backend in backends or LOOPS:
            for crowd in concurrency:
                case = Case(backend, POINT_READ, concurrency=crowd)
                module = accessors.BUILTIN[backend]
                url = database.url_for(backend)
                job = Job(case, module, url, dataset, seconds=seconds, warm_up_s=0.05)
                found.append(measure(crew, job, pairs, after_pairs))
                echo(_row(found[-1]))
    return 0 if all(one.kept for one in found) else 1


def _tell(found: "Overhead") -> None:
    if sys.stderr.isatty():
        echo_over(_row(found))


def _row(found: "Overhead") -> str:
    case = found.job.case
    words = "" if found.narrow else "  (not yet within 1.5 %)"
    if not found.kept:
        words += "  MORE THAN PROMISED"
    return (
        f"{case.backend:9} {case.concurrency:3}  {_ratio(found.throughput):24}"
        f" {_ratio(found.cpu_per_operation):24} {len(found.pairs):5}{words}"
    )


def _ratio(ratio: "Interval") -> str:
    if ratio.low is None or ratio.high is None:
        return f"{ratio.median:.3f}"
    return f"{ratio.median:.3f} [{ratio.low:.3f} to {ratio.high:.3f}]"
