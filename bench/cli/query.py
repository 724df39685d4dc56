"""`bench query`: measure one statement of the user's own through every library."""

import sys
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
    counts,
    database_url_option,
    no_workload_file,
    processes_option,
    timeout_option,
)
from bench.cli.scheduler_option import checked, scheduler_option
from bench.model.errors import UsageError
from bench.output.terminal.safe_text import echo

if TYPE_CHECKING:
    from accessors.api import Transactions
    from bench.model.link import Link
    from bench.studies.query.question import Question

_LONG_S = 180
_SCALE = 0.5
"""The marketplace of the quick profile: `bench run` and `bench query` then share its rows."""


@click.command()
@no_workload_file(
    "it measures a statement",
    "Measure the file: bench run --workload-file.",
)
@click.argument("statement", required=False)
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    help="Read the statement from this file; - is the standard input.",
)
@click.option(
    "--arguments",
    "arguments",
    multiple=True,
    metavar="SOURCE",
    help="Values for $1 or :name: a query, a CSV file, a range as 1..1000, or a literal. A literal"
    " is repeatable.",
)
@click.option(
    "--zipf",
    type=click.FloatRange(0, 10),
    metavar="S",
    help="Draw the first arguments most often, by Zipf's law with this exponent. Default: evenly.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the draws.")
@click.option(
    "--fetch",
    "fetches",
    multiple=True,
    metavar="MODE[:SIZE]",
    help="buffered, streamed or batched:1000. Repeatable. Default: buffered, and from 1,000 rows"
    " on all three for one client.",
)
@click.option(
    "--concurrency",
    callback=counts,
    metavar="N,N",
    help="Numbers of tasks or threads.  [default: 1,16; fewer for many rows or a slow statement]",
)
@click.option(
    "--transactions",
    multiple=True,
    type=click.Choice(["autocommit", "implicit"]),
    help="Autocommit, or with the library's own BEGIN and ROLLBACK. Repeatable."
    "  [default: autocommit]",
)
@link_options
@processes_option
@scheduler_option
@backend_options
@connect_option
@database_url_option
@admin_url_option
@click.option(
    "--rounds",
    type=click.IntRange(1, MOST_REPEATED),
    help="Runs of each case.  [default: 12, or 6 if these would take long]",
)
@click.option(
    "--seconds", type=Seconds(0.01, 3600), help="Length of each run.  [default: 0.05, or 0.1]"
)
@click.option(
    "--warm-up",
    "warm_up_s",
    type=Seconds(0, 3600),
    metavar="SECONDS",
    help="Length of the warm-up before a case's first run in a worker process.  [default: 0.03]",
)
@click.option("--explain", is_flag=True, help="Print the server's plan, too.")
@click.option("--name", default="", metavar="NAME", help="Name of the workload in results.")
@click.option(
    "--allow-writes",
    is_flag=True,
    help="Let sessions write: for SELECT ... FOR UPDATE, and functions that write.",
)
@click.option(
    "--statement-timeout",
    type=Seconds(0.001, 86_400),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="The server ends a statement after this time.",
)
@click.option(
    "--most-megabytes",
    type=click.IntRange(1, 1_000_000),
    default=256,
    show_default=True,
    help="Refuse a statement that returns more.",
)
@click.option(
    "--keep-arguments", is_flag=True, help="Keep the arguments' values in the results file."
)
@click.option("--label", help="Text for the name of the results folder and for every chart.")
@click.option("--out", type=click.Path(path_type=Path), help="Results folder. It must not exist.")
@click.option(
    "--scale",
    type=float,
    default=_SCALE,
    show_default=True,
    help="Size of the marketplace, if no database is named.",
)
@pin_option
@timeout_option
@charts_option
@click.option("--quiet", is_flag=True, help="Print only the tables at the end.")
def query(
    statement: str | None,
    file: Path | None,
    arguments: tuple[str, ...],
    zipf: float | None,
    seed: int,
    fetches: tuple[str, ...],
    concurrency: tuple[int, ...],
    transactions: "tuple[Transactions, ...]",
    links: "tuple[Link, ...]",
    processes: tuple[int, ...],
    scheduler: str | None,
    backends: tuple[str, ...],
    backend_modules: tuple[str, ...],
    connect: tuple[str, ...],
    database_url: str | None,
    admin_url: str | None,
    rounds: int | None,
    seconds: float | None,
    warm_up_s: float | None,
    explain: bool,
    name: str,
    allow_writes: bool,
    statement_timeout: float,
    most_megabytes: int,
    keep_arguments: bool,
    label: str | None,
    out: Path | None,
    scale: float,
    pin: bool | None,
    timeout: float,
    charts: bool,
    quiet: bool,
) -> None:
    """Measure one SELECT of your own through every driver and SQLAlchemy Core, sync and async.

    The answers of every library are compared with the server's. Then come the figures, where the
    time goes (server, driver, Core, waiting), and a sentence that says which library is best for
    what. Without a database URL, the statement reads the marketplace's tables in the embedded
    PostgreSQL: customer, address, item, orders, order_items.

    Sessions are read-only, and nothing is created in your database. The results file has the
    statement, and not the arguments.

    \b
    Examples:
      bench query 'SELECT count(*) FROM orders'
      bench query 'SELECT * FROM orders WHERE customer_id = $1' --arguments 1..1000
      bench query 'SELECT * FROM customer WHERE id = :id' --arguments 'SELECT id FROM customer'
      bench query 'SELECT * FROM customer' --fetch buffered --fetch batched:1000 --concurrency 1,4
      bench query 'SELECT * FROM customer WHERE id = 7' --latency 0,0.5ms,2ms
      bench query 'SELECT * FROM customer WHERE id = 7' --concurrency 8 --processes 1,2
      bench query --file report.sql --database-url postgresql://user@host/shop --explain
    """
    from functools import partial

    from bench.cli.measurement import CommandOptions
    from bench.model.dataset import Dataset
    from bench.model.fetch import Fetch
    from bench.model.profiles import Factors
    from bench.studies.query import measurement
    from bench.studies.query.planning import CONCURRENCY, WARM_UP_S, planned, taking
    from bench.studies.query.preparation import Asked, prepare
    from bench.studies.query.question import Subject
    from bench.studies.query.room import check_room

    sql = _statement(statement, file)
    on_cluster = checked(scheduler, links)
    wanted = tuple(Fetch.parse(fetch) for fetch in fetches)
    chosen, others = taking(choose_backends(backends, backend_modules, timeout), ())
    if backends and others:
        raise UsageError(
            f"{others[0]} takes no SQL text: it reads mapped classes, or answers from memory.\n"
            "Choose drivers and core+... with --backend; `bench list` shows them."
        )
    ways = settings(connect, chosen.values())
    buffered = not wanted or any(fetch.mode in ("buffered", "iterated") for fetch in wanted)
    dataset = Dataset(scale, seed)
    question = prepare(
        Asked(
            sql,
            arguments,
            zipf=zipf,
            seed=seed,
            clients=max(concurrency or CONCURRENCY),
            name=name,
            database_url=database_url,
            admin_url=admin_url,
            dataset=dataset,
            allow_writes=allow_writes,
            statement_timeout_s=statement_timeout,
            most_bytes=most_megabytes * 10**6 if buffered else None,
            keep_arguments=keep_arguments,
            timeout_s=timeout,
        )
    )
    for note in _notes(question):
        echo(note, err=True)
    subjects = (Subject(question.name, (question,), (1,)),)
    concurrency, note = check_room(subjects, wanted, concurrency)
    if note:
        echo(note, err=True)
    plan = planned(
        subjects,
        chosen,
        Factors(
            fetches=wanted,
            concurrency=concurrency,
            transactions=transactions,
            connect=ways,
            links=links,
            processes=processes,
        ),
        rounds=rounds,
        seconds=seconds,
        warm_up_s=WARM_UP_S if warm_up_s is None else warm_up_s,
    )
    least_s = plan.runs * question.times.execution_ns / 1e9
    if least_s > _LONG_S:
        echo(
            f"one execution takes the server {question.times.execution_ns / 1e9:.1f} s, so this"
            f" takes at least {least_s / 60:.0f} minutes: fewer with --rounds or --backend.",
            err=True,
        )
    options = CommandOptions(
        database_url, admin_url, timeout, label or "", out, charts, quiet, pin_of(pin)
    )
    config = options.config(
        plan,
        chosen,
        dataset,
        command=_command_line(database_url, admin_url, arguments, question, keep_arguments),
        connect=ways,
        scheduler=on_cluster,
    )
    options.carry_out(config, question.name, measured=partial(measurement.measure, subjects))
    if explain:
        from bench.studies.query.explain import lines

        echo("\nThe server's plan:")
        for line in lines(dict(question.plan)):
            echo(f"  {line}")


def _statement(statement: str | None, file: Path | None) -> str:
    """Return the statement's text. Raises `UsageError` unless it comes from one place."""
    if (statement is None) == (file is None):
        raise UsageError(
            "there is no statement.\nType it: bench query 'SELECT 1', or name its --file."
            if file is None
            else "there are two statements: one in the command and one in --file.\n"
            "Leave one of them out."
        )
    if file is None:
        return statement or ""
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"{file} cannot be read ({reason}).\nName a file that holds one SQL statement."
        ) from None


def _notes(question: "Question") -> list[str]:
    """Return what the user must know of the statement before it is measured."""
    notes = []
    answers = question.answers
    if not question.read_only:
        notes.append("--allow-writes: the sessions are not read-only, and what they write stays.")
    if question.volatile:
        notes.append(
            f"the statement calls the volatile function {question.volatile[0]}(): its writes are"
            " refused, and its locks and notifications are not."
        )
    if not answers.counted:
        notes.append(
            "the statement returns another number of rows each time, so answers are not compared."
        )
    elif not answers.steady:
        notes.append(
            "the statement returns other values each time (a clock, a sequence, random()), so only"
            " the number of rows is compared."
        )
    elif not answers.ordered:
        notes.append("the rows come in no fixed order (no ORDER BY), so they are compared as sets.")
    if not any(answer.rows for answer in answers.answers):
        notes.append("the statement returned no rows for the arguments that were tried.")
    return notes


def _command_line(
    database_url: str | None,
    admin_url: str | None,
    arguments: tuple[str, ...],
    question: "Question",
    keep: bool,
) -> str:
    """Return the command as typed, with *** for the password, and for arguments given by value."""
    from bench.cli.measurement import command_line

    if question.arguments.source != "literals" or keep:
        arguments = ()
    return command_line(database_url, arguments, admin_url=admin_url)
