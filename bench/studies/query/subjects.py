"""From a workload file to what is measured: its databases, its reads, its units of work."""

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from accessors.sql import SCHEMA
from bench.model.declared import declare
from bench.model.errors import BenchError
from bench.model.workload import READ_ARGUMENTS
from bench.server.database import Database
from bench.server.resolution import named
from bench.studies.query.arguments import LEAST_PER_CLIENT
from bench.studies.query.called_arguments import called, refuse_iterator
from bench.studies.query.forms import forms_of
from bench.studies.query.job import JobUnit
from bench.studies.query.own_database import OwnDatabase, own_database, prepare
from bench.studies.query.preparation import Asked, database_of, load_marketplace, question_of
from bench.studies.query.question import Kept, Question, Subject, Units
from bench.studies.query.script_job import script_job
from bench.studies.query.script_workload import ScriptUnit
from bench.studies.query.sessions import sessions
from bench.studies.query.unit_arguments import draws_of
from bench.workloads import COPY, Read, Unit, Workload
from bench.workloads.places import where


@contextmanager
def subjects_of(asked: Asked, path: Path, workloads: Sequence[Workload]) -> Iterator[list[Subject]]:
    """Give the workloads of a workload file, declared, with their databases. Drop these at the end.

    Raises `UsageError` for reads and arguments that are refused, with the name of the read, and
    `BenchError` for a database that cannot be made.
    """
    if asked.database_url is None and any(w.setup in (None, COPY) for w in workloads):
        load_marketplace(asked)
    server = named(asked.database_url)
    with ExitStack() as stack:
        subjects = []
        shared: dict[bool, tuple[Database, bool]] = {}
        questions: dict[tuple[str, str], Question] = {}
        for workload in workloads:
            own = stack.enter_context(own_database(workload, server))
            writes = own.changes != "nothing"
            if workload.setup is not None or writes not in shared:
                database = _sessions(asked, workload, own, writes)
                if workload.setup is None:
                    shared[writes] = database
            else:
                database = shared[writes]
            subjects.append(_subject(asked, path, workload, own, *database, questions))
        yield subjects


@contextmanager
def reads_of(asked: Asked, path: Path, reads: Mapping[Read, Workload]) -> Iterator[list[Subject]]:
    """Give each read as a workload of its own, declared, for its first arguments alone.

    `reads`: each with the workload that names it, in whose database it reads. Databases that are
    made are dropped at the end. Raises as `subjects_of`.
    """
    server = named(asked.database_url)
    with ExitStack() as stack:
        databases: dict[Workload | None, tuple[Database, bool]] = {}
        made = []
        for read, workload in reads.items():
            owner = None if workload.setup is None else workload
            if owner not in databases:
                databases[owner] = database_of(asked)
                if owner:
                    own = stack.enter_context(own_database(owner, server))
                    databases[owner] = _sessions(asked, owner, own, writes=False)
            database, read_only = databases[owner]
            place = replace(asked, database_url=database.url) if owner else asked
            question = _question(place, database, read_only, path, read)
            question = replace(question, draws=question.draws[:1])
            subject = Subject(question.name, (question,), (1,), files=asked.files)
            declare(subject.name, {subject.name: 1}, subject.facts({}).description, subject.rows)
            made.append(subject)
        yield made


def _sessions(
    asked: Asked, workload: Workload, own: OwnDatabase, writes: bool
) -> tuple[Database, bool]:
    ours = asked.database_url is None and workload.setup in (None, COPY)
    return sessions(
        own.database.url,
        # A database of setup's own is new to a pooler, and not that of the other URL.
        admin_url=asked.admin_url if workload.setup is None else None,
        allow_writes=writes,
        statement_timeout_s=asked.statement_timeout_s,
        search_path=SCHEMA if ours else own.search_path,
        unprotected=asked.unprotected,
    )


def _subject(
    asked: Asked,
    path: Path,
    workload: Workload,
    own: OwnDatabase,
    database: Database,
    read_only: bool,
    questions: dict[tuple[str, str], Question],
) -> Subject:
    # A worker process imports a file of Python; the text of a script is in its job.
    file = "" if path.suffix == ".sql" else str(path.absolute())
    marketplace = asked.database_url is None and workload.setup is None
    reads = {part: weight for part, weight in workload.parts.items() if isinstance(part, Read)}
    # A question about another database than the marketplace must not be taken for one about it.
    place = asked if marketplace else replace(asked, database_url=database.url)
    place = replace(place, allow_writes=own.changes != "nothing")
    for read in reads:
        if (database.url, read.name) not in questions:
            questions[database.url, read.name] = _question(place, database, read_only, path, read)
    subject = Subject(
        workload.name,
        tuple(questions[database.url, read.name] for read in reads),
        tuple(reads.values()),
        workload.description,
        _units(asked, path, workload, database, marketplace) if workload.units else None,
        file,
        _kept(workload, own, database),
        float(workload.think_s),
        asked.files,
    )
    weights = {part.name: weight for part, weight in workload.parts.items()}
    declare(
        workload.name,
        weights,
        workload.description or subject.facts({}).description,
        subject.rows,
        units=subject.units is not None,
        changes=own.changes,
    )
    return subject


def _question(
    asked: Asked, database: Database, read_only: bool, path: Path, read: Read
) -> Question:
    forms = forms_of(read)
    refuse_iterator(read.arguments, read.name)
    values: Any = (read.arguments,) if isinstance(read.arguments, str) else read.arguments
    if callable(read.arguments):
        count = max(READ_ARGUMENTS, LEAST_PER_CLIENT * asked.clients)
        values = called(read.arguments, Random(f"{asked.seed}/{read.name}"), count, read.name)
    sql = read.sql if read.sql is not None else forms.text.numbered
    try:
        return question_of(
            asked, database, read_only, read.name, forms, sql, values, str(path.absolute())
        )
    except BenchError as error:
        what, _, advice = str(error).partition("\n")
        if "--allow-writes" in advice:
            advice = (
                "Give its workload a setup= or a restore=, so that each case finds the same rows."
            )
        if "--statement-timeout" in advice:
            what = what.replace("--statement-timeout", f"{asked.statement_timeout_s:g} s")
            advice = "Make the statement faster: a LIMIT, or an index."
        # A read has arguments= and no option.
        advice = re.sub(r"--arguments ('[^']*'|[^\s,]+?)(?=[,.]?(?:\s|$))", r"arguments=\1", advice)
        what, advice = (text.replace("--arguments", "arguments=") for text in (what, advice))
        raise type(error)(f"{path}, the read {read.name}: {what}\n{advice}") from None


def _units(
    asked: Asked, path: Path, workload: Workload, database: Database, marketplace: bool
) -> Units:
    units = tuple(workload.units)
    return Units(
        units,
        tuple(_job_unit(asked, path, workload, unit, database) for unit in units),
        {unit.name: unit.text or "\n".join(map(_signature, unit.functions)) for unit in units},
        database,
        marketplace,
        begins=not any(unit.text for unit in units),
    )


def _job_unit(
    asked: Asked, path: Path, workload: Workload, unit: Unit, database: Database
) -> JobUnit:
    if isinstance(unit, ScriptUnit):
        return script_job(unit, database, asked.seed, asked.clients, workload.parts[unit])
    try:
        draws = draws_of(workload, unit, database, asked.seed, asked.clients)
    except BenchError as error:
        if path.name in str(error):
            raise
        raise type(error)(f"{path}, the unit {unit.name}: {error}") from None
    return JobUnit(unit.name, draws, workload.parts[unit])


def _signature(function: object) -> str:
    """Return the head of a function as it stands in the file, without its folder."""
    kind = "async def" if inspect.iscoroutinefunction(function) else "def"
    name = getattr(function, "__name__", "function")
    place = where(function).rpartition(":")[0].rpartition("/")[2]  # type: ignore[arg-type]
    return f"{kind} {name}{inspect.signature(function)}  # {place}"  # type: ignore[arg-type]


def _kept(workload: Workload, own: OwnDatabase, database: Database) -> Kept | None:
    if own.changes == "nothing":
        return None
    restore = own.renew
    if own.changes == "restored":
        restore = partial(prepare, workload, "restore", database)
    return Kept(own.changes, restore)
