"""A user's statement with all that is known of it before anything is measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accessors import Found
from bench.model.case import Fetch
from bench.model.declared import MANY_ROWS
from bench.model.plan import Plan, plan
from bench.model.profiles import Block, Factors, Profile
from bench.model.sql_text import SqlText
from bench.results.statement import ColumnFacts, ServerTimes, StatementFacts
from bench.server.database import Database
from bench.studies.query.answers import Answers
from bench.studies.query.arguments import Arguments, Row
from bench.studies.query.description import Description

ROUNDS = 6
SECONDS = 0.2
WARM_UP_S = 0.05
CONCURRENCY = (1, 16)
FETCHES_OF_MANY_ROWS = (Fetch(), Fetch("streamed"), Fetch("batched", 1000))


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
    marketplace: bool = False
    """Whether the statement reads the rows that this project makes."""
    read_only: bool = True
    keep_arguments: bool = False

    @property
    def rows(self) -> int:
        """The number of rows for the first arguments."""
        return self.answers.answers[0].rows

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


def default_fetches(rows: int) -> tuple[Fetch, ...]:
    """Return the ways of fetching to measure if none is named: all that matter for so many rows."""
    return FETCHES_OF_MANY_ROWS if rows >= MANY_ROWS else (Fetch(),)


def planned(
    name: str,
    backends: Mapping[str, Found],
    factors: Factors,
    *,
    rows: int,
    rounds: int = ROUNDS,
    seconds: float = SECONDS,
    warm_up_s: float = WARM_UP_S,
) -> Plan:
    """Return the cases for this statement, which must be declared under its name."""
    block = Block((name,), default_fetches(rows), CONCURRENCY)
    profile = Profile(
        "query",
        "what does my statement cost through each library?",
        (block,),
        rounds=rounds,
        seconds=seconds,
        warm_up_s=warm_up_s,
        leaves_out="the ORM, which reads mapped classes and not SQL text",
    )
    return plan(profile, backends, factors)


def taking_text(backends: Mapping[str, Found]) -> tuple[dict[str, Found], list[str]]:
    """Return the backends that take SQL text, and the names of the others but null and the ORM."""
    taken, others = {}, []
    for name, found in backends.items():
        if found.backend and found.backend.placeholders:
            taken[name] = found
        else:
            others.append(name)
    return taken, others
