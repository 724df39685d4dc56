"""A mistake and its right way. The pages show the code that runs."""

import ast
import inspect
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from accessors.sql import SCHEMA
from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.outcome import most_at_once

TaskResults = Sequence[Any]
"""The results of the tasks: the name of an order whose commit succeeded, a value that was read, or
the exception that the task got."""

Rows = Sequence[tuple[Any, ...]]


class Mistake:
    """One way to break the rule, and the way that keeps it. A subclass is one page of the lesson.

    `wrong` and `right` do the same work with the same shop. They return the results of the tasks.
    `agrees` compares the results with the rows that the query `truth` reads afterwards.
    """

    name: ClassVar[str]
    """The name on the command line."""
    title: ClassVar[str]
    """The mistake in half a line."""
    guess: ClassVar[str]
    """The outcome that a reader would expect."""
    reason: ClassVar[str]
    cure: ClassVar[str]

    tasks: ClassVar[int] = 2
    options: ClassVar[Mapping[str, Any]] = {}
    """Options of `create_async_engine`, in addition to the pool's size."""
    warm: ClassVar[bool] = True
    """Does the pool hold open connections before the trial begins?"""
    guardable: ClassVar[bool] = True
    """Does the mistake use a session or an engine of SQLAlchemy, which the guard can watch?"""
    alone: ClassVar[bool] = False
    """Can the mistake hang so that only the end of its process stops it?"""
    shares: ClassVar[bool] = True
    """Do running tasks share something, so that the guard should see it?"""

    truth: ClassVar[str] = f"SELECT name FROM {SCHEMA}.lesson_order ORDER BY name"

    async def wrong(self, shop: Fixture) -> TaskResults:
        raise NotImplementedError

    async def right(self, shop: Fixture) -> TaskResults:
        raise NotImplementedError

    def agrees(self, answers: TaskResults, truth: Rows) -> bool:
        """Return whether the answers are true. By default: confirmed orders are there."""
        return sorted(answers) == [row[0] for row in truth]

    def says(self, answers: TaskResults, truth: Rows) -> str:
        """Return a sentence with the answers and the rows in the table."""
        return f"{_counted(len(answers), 'order')} confirmed, {len(truth)} there"

    def at_once(self, answers: TaskResults) -> int | None:
        """Return the most statements that ran at one time; None if the answers do not show it."""
        return None

    @classmethod
    def source(cls, way: str) -> str:
        """Return the lines of `wrong` or `right`, without their `def`."""
        source = textwrap.dedent(inspect.getsource(getattr(cls, way)))
        function = ast.parse(source).body[0]
        assert isinstance(function, ast.AsyncFunctionDef)
        body = source.splitlines()[function.body[0].lineno - 1 :]
        return textwrap.dedent("\n".join(body)).rstrip()


class ReadMistake(Mistake):
    """A mistake with reads only. Each answer is the start and the end of one statement."""

    tasks = 10

    def agrees(self, answers: TaskResults, truth: Rows) -> bool:
        return True  # every answer is right

    def says(self, answers: TaskResults, truth: Rows) -> str:
        return f"{len(answers)} of {self.tasks} answers, {self.at_once(answers)} at a time"

    def at_once(self, answers: TaskResults) -> int | None:
        return most_at_once([(began, ended) for began, ended in answers])


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
