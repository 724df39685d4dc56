"""`bench lesson`: break a rule in real code, and show the outcome."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli.options import database_url_option, named
from bench.model.errors import BenchError, UsageError
from bench.output.terminal.safe_text import echo

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bench.studies.lessons.lesson import Lesson
    from bench.studies.lessons.record import Record


@click.command()
@click.argument("name", required=False)
@click.option(
    "--trials",
    type=click.IntRange(1, 1000),
    help="Trials per mistake. The default depends on the lesson.",
)
@click.option(
    "--guard", is_flag=True, help="Run each mistake with the guard, too. Only session-per-task."
)
@click.option(
    "--mistake",
    "mistakes",
    multiple=True,
    metavar="NAME",
    help="Only this mistake of session-per-task. Repeatable.",
)
@click.option(
    "--driver",
    type=click.Choice(["asyncpg", "psycopg"]),
    default="asyncpg",
    show_default=True,
    help="Driver of SQLAlchemy's async engine.",
)
@click.option("--json", "as_json", is_flag=True, help="Print only the result, as JSON.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for lesson.json and the charts. Default: results/<time>-lesson-<name>.",
)
@database_url_option
def lesson(
    name: str | None,
    trials: int | None,
    guard: bool,
    mistakes: tuple[str, ...],
    driver: str,
    as_json: bool,
    out: Path | None,
    database_url: str | None,
) -> None:
    """Break a rule many times in real code, and run the correct code beside it.

    Without a name, list the lessons. A lesson makes its own tables in the schema `gatherbench`, and
    takes less than a minute.

    \b
    Examples:
      bench lesson
      bench lesson session-per-task --trials 5
      bench lesson session-per-task --mistake roll-back-another --guard
    """
    from bench.cli.measurement import check_out
    from bench.studies.lessons.lesson import LESSONS, lesson_named

    if name is None:
        from bench.output.terminal.list_row import echo_row

        for lesson_name, question in LESSONS.items():
            echo_row(lesson_name, 19, question, left=0)
        return
    (name,) = named("lesson", [name], LESSONS, "bench lesson")
    if name != "session-per-task" and (guard or mistakes):
        raise UsageError("--guard and --mistake are for `bench lesson session-per-task` only.")
    check_out(out)
    chosen_lesson = lesson_named(name)
    if mistakes:
        from bench.studies.lessons.catalogue import MISTAKES

        mistakes = tuple(named("mistake", mistakes, MISTAKES, "bench lesson session-per-task"))
    options = {"driver": driver, "guard": guard, "chosen": mistakes}
    record = _run(
        name,
        chosen_lesson,
        trials or chosen_lesson.TRIALS,
        options,
        database_url,
        quiet=as_json,
    )
    if as_json:
        echo(record.as_json(ascii_only=True), nl=False)
        return
    _show(chosen_lesson, record, out)


def _run(
    name: str,
    lesson: "Lesson",
    trials: int,
    options: dict[str, Any],
    database_url: str | None,
    *,
    quiet: bool,
) -> "Record":
    """Run the lesson on a database that no other `bench` command uses at the same time."""
    from dataclasses import replace
    from datetime import UTC, datetime

    from bench.cli.measurement import command_line
    from bench.dataset import lock
    from bench.measure.worker_pool import WorkerPool
    from bench.output.terminal.console import console
    from bench.results import environment
    from bench.server.database import postmaster_pid
    from bench.server.resolution import resolve
    from bench.studies.lessons import tables
    from bench.studies.lessons.lesson import LessonSetting
    from bench.studies.lessons.record import Record

    screen = console()

    database = resolve(database_url, ["asyncpg", "psycopg", "psycopg2"])
    with lock.held(database) as held, WorkerPool() as worker_pool:

        def tell(part: "RenderableType") -> None:
            held.check()
            if not quiet:
                screen.print(part)

        database.check_capacity(_CONNECTIONS)
        tables.make(held.connection)
        setting = LessonSetting(
            database, worker_pool, trials, embedded=database_url is None, tell=tell, **options
        )
        measured = lesson.measure(setting)
        local = postmaster_pid(held.connection) is not None
        return Record(
            lesson=name,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            command=command_line(database_url),
            trials=trials,
            driver=setting.driver,
            guard=setting.guard,
            environment=replace(
                environment.collect(held.connection, database, local),
                packages=environment.packages("sqlalchemy", "asyncpg", "psycopg"),
            ),
            found=measured,
        )


_CONNECTIONS = 25
"""Connections of the trial that opens the most, and of the judge."""


def _show(lesson: "Lesson", record: "Record", out: Path | None) -> None:
    """Print the table, write the file, draw the charts."""
    from bench.cli.measurement import in_results
    from bench.output.attempts import Attempts
    from bench.output.present import near
    from bench.output.terminal.console import console
    from bench.studies.lessons import charts
    from bench.studies.lessons.record import save
    from bench.system.output_files import new_folder

    console().print(lesson.conclude(record.found))
    try:
        if out is None:
            with in_results(f"lesson-{record.lesson}", new_folder) as folder:
                out = folder.path
        echo(f"\nfigures  {near(save(record, out))}")
    except OSError as error:
        raise BenchError(
            f"cannot write {error.filename}: {error.strerror}.\n"
            "Choose a folder that you may write with --out."
        ) from error
    with Attempts(record.command).at("chart"):
        for path in charts.draw(record, out):
            echo(f"chart    {near(path)}")
