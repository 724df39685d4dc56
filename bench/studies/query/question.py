"""A user's statement with all that is known of it before anything is measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from accessors.api import AnyBackend
from bench.model.declared import Changes
from bench.model.sql_text import SqlText
from bench.results.statement import ColumnFacts, ServerTimes, StatementFacts
from bench.server.database import Database
from bench.studies.query.answers import Answers, buffered_bytes
from bench.studies.query.arguments import Arguments, Row
from bench.studies.query.description import Description
from bench.studies.query.job import JobRead, JobUnit
from bench.workloads import Unit
from bench.workloads.places import function_for


@dataclass(frozen=True)
class Question:
    """A statement, its arguments, and the server's own account of it."""

    name: str
    """The workload's name."""
    statement: SqlText
    sql: str
    """The statement as it was typed."""
    sessions: Database
    """The database with the settings of the measured sessions."""
    description: Description
    arguments: Arguments
    draws: tuple[Row, ...]
    answers: Answers
    times: ServerTimes
    plan: Mapping[str, Any]
    file: str = ""
    """The workload file that declares the read; empty if none does."""
    orm: bool = False
    """Whether the read has a form for the ORM."""
    marketplace: bool = False
    """Whether the statement reads the rows that this project makes."""
    read_only: bool = True
    keep_arguments: bool = False
    volatile: tuple[str, ...] = ()
    """The user's own volatile functions that the statement names, where writes are not allowed."""

    @property
    def rows(self) -> int:
        """The number of rows for the first arguments."""
        return self.answers.answers[0].rows

    @property
    def buffered_bytes(self) -> int:
        """About the memory that a client takes to hold the largest compared answer."""
        return buffered_bytes(self.answers)

    @property
    def compared(self) -> str:
        """The scope of the verification, as in `StatementFacts.compared`."""
        if not self.answers.counted:
            return "columns"
        if not self.answers.steady:
            return "counts"
        return "values" if self.answers.ordered else "sets"

    def facts(self, texts: Mapping[str, dict[str, str]]) -> StatementFacts:
        """Return the facts for the header. `texts`: as in `StatementFacts`."""
        kept = None
        if self.keep_arguments:
            kept = [[None if v is None else str(v) for v in row] for row in self.draws]
        return StatementFacts(
            sql=self.sql,
            parameters=[kind.name for kind in self.description.parameters],
            columns=[ColumnFacts(name=c.name, type=c.type.name) for c in self.description.columns],
            rows=self.rows,
            arguments=self.arguments.source,
            kept_arguments=kept,
            read_only=self.read_only,
            compared=self.compared,
            texts=dict(texts),
            server=self.times,
            plan=dict(self.plan),
        )


@dataclass(frozen=True)
class Subject:
    """A workload that is measured: one question, or several by weight, and units of work."""

    name: str
    questions: tuple[Question, ...]
    weights: tuple[int, ...]
    """The weights of the questions."""
    description: str = ""
    units: "Units | None" = None
    """The units of work of a workload file; None if there are none."""
    file: str = ""
    """The workload file; empty for a statement of `bench query`."""
    kept: "Kept | None" = None
    """The way to bring its rows back; None if it writes nothing."""
    think_s: float = 0.0
    files: tuple[str, ...] = ()
    """The values of --workload-file, as they were given."""

    @property
    def rows(self) -> int:
        """The number of rows of its largest read, for the first arguments."""
        return max((question.rows for question in self.questions), default=0)

    @property
    def execution_ns(self) -> int:
        """The server's time of its longest read, by EXPLAIN; 0 if it has units of work alone."""
        return max((question.times.execution_ns for question in self.questions), default=0)

    @property
    def reads(self) -> tuple[JobRead, ...]:
        """The reads as a worker process gets them."""
        return tuple(
            JobRead(question.name, question.statement, question.draws, weight, question.file)
            for question, weight in zip(self.questions, self.weights, strict=True)
        )

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of its operations."""
        units = self.units.jobs if self.units else ()
        return (*(read.name for read in self.reads), *(unit.name for unit in units))

    @property
    def sessions(self) -> Database:
        """The database with the settings of the measured sessions."""
        return self.units.sessions if self.units else self.questions[0].sessions

    @property
    def marketplace(self) -> bool:
        """Whether it uses the rows that this project makes."""
        return self.units.marketplace if self.units else self.questions[0].marketplace

    def taken_by(self, backend: AnyBackend) -> bool:
        """Return whether the backend takes every read and has a function of every unit."""
        if self.questions:
            orm = all(question.orm for question in self.questions)
            takes = backend.placeholders or (orm and backend.layer == "orm")
            if not takes:
                return False
        units = self.units.declared if self.units else ()
        return all(function_for(unit, backend) for unit in units)

    def facts(self, texts: Mapping[str, dict[str, str]]) -> StatementFacts:
        """Return the facts for the header. `texts`: as in `StatementFacts`."""
        if self.units is None and len(self.questions) == 1:
            facts = self.questions[0].facts(texts)
            reads = {self.questions[0].name: 1}
            return replace(facts, reads=reads, think_s=self.think_s, files=list(self.files))
        weights = {q.name: w for q, w in zip(self.questions, self.weights, strict=True)}
        texts_of_all = [f"-- {q.name}, weight {weights[q.name]}\n{q.sql}" for q in self.questions]
        if self.units:
            weights |= {unit.name: unit.weight for unit in self.units.jobs}
            texts_of_all += [
                f"-- {name}, weight {weights[name]}\n{text}"
                for name, text in self.units.texts.items()
            ]
        return StatementFacts(
            sql="\n\n".join(texts_of_all),
            reads=weights,
            rows=self.rows,
            arguments="of each operation",
            read_only=self.kept is None and all(question.read_only for question in self.questions),
            compared=self.questions[0].compared if self.questions else "values",
            texts=dict(texts),
            units=[unit.name for unit in self.units.jobs] if self.units else [],
            changes=self.kept.changes if self.kept else "nothing",
            think_s=self.think_s,
            files=list(self.files),
        )


@dataclass(frozen=True)
class Units:
    """The units of work of a workload, and the database in which they run."""

    declared: tuple[Unit, ...]
    jobs: tuple[JobUnit, ...]
    """The units as a worker process gets them."""
    texts: Mapping[str, str]
    """Name -> the signatures of the functions, or the text of the script."""
    sessions: Database
    marketplace: bool = False
    begins: bool = True
    """Whether the library begins the transactions; False for a script, which has BEGIN."""


@dataclass(frozen=True)
class Kept:
    """The way to bring the rows of a workload back after each turn."""

    changes: Changes
    restore: Callable[[], None]
