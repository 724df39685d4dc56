"""A mistake and its right way: the code that runs is the code that is shown."""

import ast
import inspect
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from accessors.sql import SCHEMA
from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.outcome import most_at_once

Told = Sequence[Any]
"""What each task was told at its end: the name of the order it believes saved, a value it read; or
the exception that it got."""

Rows = Sequence[tuple[Any, ...]]


class Mistake:
    """One way to break the rule, and the way that keeps it. A subclass is one page of the lesson.

    `wrong` and `right` do the same work with the same shop. They give back what each task was told
    at its end. `agrees` holds that against the rows that `truth` finds afterwards.
    """

    name: ClassVar[str]
    """As on the command line."""
    title: ClassVar[str]
    """What was done, in half a line."""
    guess: ClassVar[str]
    """What one would expect."""
    reason: ClassVar[str]
    cure: ClassVar[str]

    tasks: ClassVar[int] = 2
    options: ClassVar[Mapping[str, Any]] = {}
    """For `create_async_engine`, beside the pool's size."""
    warm: ClassVar[bool] = True
    """Does the pool hold open connections before it begins?"""
    guardable: ClassVar[bool] = True
    """Is there a session, or an engine, of SQLAlchemy's to guard?"""
    alone: ClassVar[bool] = False
    """May it hang so hard that only the end of its process helps?"""
    shares: ClassVar[bool] = True
    """Is something shared between live tasks, so that a guard should see it?"""

    truth: ClassVar[str] = f"SELECT name FROM {SCHEMA}.lesson_order ORDER BY name"

    async def wrong(self, shop: Fixture) -> Told:
        raise NotImplementedError

    async def right(self, shop: Fixture) -> Told:
        raise NotImplementedError

    def agrees(self, answers: Told, truth: Rows) -> bool:
        """Is what was told true? As it stands: the orders that are said to be saved are there."""
        return sorted(answers) == [row[0] for row in truth]

    def says(self, answers: Told, truth: Rows) -> str:
        """What was told, and what is there, in words."""
        return f"{_counted(len(answers), 'order')} confirmed, {len(truth)} there"

    def at_once(self, answers: Told) -> int | None:
        """How many statements ran at one time, where the answers tell."""
        return None

    @classmethod
    def source(cls, way: str) -> str:
        """The lines of `wrong` or `right`, without their `def`."""
        source = textwrap.dedent(inspect.getsource(getattr(cls, way)))
        function = ast.parse(source).body[0]
        assert isinstance(function, ast.AsyncFunctionDef)
        body = source.splitlines()[function.body[0].lineno - 1 :]
        return textwrap.dedent("\n".join(body)).rstrip()


class ReadMistake(Mistake):
    """A mistake with reads alone: what is told are the moments between which each statement ran."""

    tasks = 10

    def agrees(self, answers: Told, truth: Rows) -> bool:
        return True  # who got an answer, got a right one

    def says(self, answers: Told, truth: Rows) -> str:
        return f"{len(answers)} of {self.tasks} answers, {self.at_once(answers)} at a time"

    def at_once(self, answers: Told) -> int | None:
        return most_at_once([(began, ended) for began, ended in answers])


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
