"""From a statement as it was typed to a question: everything that can be refused is refused here.

Nothing is written, in the database or on disk, except the marketplace's rows in the embedded server
if no database is named.
"""

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from accessors.sql import SCHEMA
from bench.dataset import loading as rows
from bench.dataset import lock
from bench.model.dataset import Dataset
from bench.model.declared import check_name, declare
from bench.model.sql_text import SqlText
from bench.server.database import Database
from bench.server.resolution import resolve
from bench.studies.query.answers import ask
from bench.studies.query.arguments import gather
from bench.studies.query.description import describe
from bench.studies.query.effects import volatile_calls
from bench.studies.query.explain import explain
from bench.studies.query.forms import Forms
from bench.studies.query.question import Question
from bench.studies.query.sessions import sessions


@dataclass(frozen=True)
class Asked:
    """A statement and the options that decide how it is asked."""

    sql: str
    arguments: Sequence[str] = ()
    zipf: float | None = None
    seed: int = 1
    clients: int = 1
    """The largest concurrency."""
    name: str = ""
    """The workload's name; empty for one that is made from the statement."""
    database_url: str | None = None
    admin_url: str | None = None
    """The server's own URL, where `database_url` leads to a pooler."""
    dataset: Dataset = field(default_factory=Dataset)
    """The marketplace's rows, if no database is named."""
    allow_writes: bool = False
    unprotected: bool = False
    """Whether a pooler may refuse read-only sessions: a workload file is the user's own program."""
    statement_timeout_s: float = 30.0
    most_bytes: int | None = 256 * 2**20
    """The most bytes of an answer as text; None for no limit, if no fetch holds all of it."""
    keep_arguments: bool = False
    timeout_s: float = 120.0
    files: tuple[str, ...] = ()
    """The values of --workload-file; empty for a statement of `bench query`."""


def prepare(asked: Asked) -> Question:
    """Return the question, and declare the statement as a workload.

    Raises `UsageError` for a statement or arguments that the server refuses, and `BenchError` for
    a statement that does not end, or returns too much.
    """
    statement = SqlText.parse(asked.sql)
    name = asked.name or name_of(statement)
    check_name(name)
    database, read_only = database_of(asked)
    question = question_of(
        asked, database, read_only, name, Forms(statement), asked.sql, asked.arguments
    )
    declare(name, {name: 1}, question.facts({}).description, question.rows)
    return question


def database_of(asked: Asked) -> tuple[Database, bool]:
    """Return the database with the settings of the measured sessions, and if they are read-only.

    Loads the marketplace's rows into the embedded server if no database is named.
    """
    if asked.database_url is None:
        load_marketplace(asked)
    return sessions(
        asked.database_url,
        admin_url=asked.admin_url,
        allow_writes=asked.allow_writes,
        statement_timeout_s=asked.statement_timeout_s,
        search_path=SCHEMA if asked.database_url is None else "",
        unprotected=asked.unprotected,
    )


def load_marketplace(asked: Asked) -> None:
    """Load the marketplace's rows into the embedded server."""
    with lock.held(resolve(None), asked.timeout_s) as held:
        rows.ensure(held.connection, asked.dataset)


def question_of(
    asked: Asked,
    database: Database,
    read_only: bool,
    name: str,
    forms: Forms,
    sql: str,
    values: Sequence[str] | Sequence[Sequence[Any]],
    file: str = "",
) -> Question:
    """Return the question of one read. Raises as `prepare` does."""
    statement = forms.text
    with closing(
        database.own.connect(as_backend=True, application_name="bench query")
    ) as connection:
        description = describe(connection, database, statement)
        calls = () if asked.allow_writes else volatile_calls(connection, statement)
        arguments = gather(connection, database, statement, description.parameters, values)
        draws = arguments.draws(asked.seed, asked.clients, asked.zipf)
        answers = ask(
            connection, database, statement, description, draws, most_bytes=asked.most_bytes
        )
        times, plan = explain(
            connection,
            database,
            statement,
            description,
            draws,
            keep_constants=asked.keep_arguments,
        )
    return Question(
        name,
        statement,
        sql.strip(),
        database,
        description,
        arguments,
        draws,
        answers,
        times,
        plan,
        file=file,
        orm=forms.orm is not None,
        marketplace=asked.database_url is None,
        read_only=read_only and not asked.allow_writes,
        keep_arguments=asked.keep_arguments,
        volatile=calls,
    )


def name_of(statement: SqlText) -> str:
    """Return a name that the same statement always has: `query-` and six digits of its hash.

    Spaces and the names of parameters do not count. So runs of two statements are not compared by
    mistake.
    """
    text = " ".join(statement.numbered.split())
    return f"query-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
