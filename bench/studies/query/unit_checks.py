"""The check of a unit of work, in the process of its backend: what it returns, and how it ends."""

import asyncio
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from accessors.api import AsyncBackend, Backend
from bench.server.failures import first_line
from bench.studies.query.arguments import Row
from bench.studies.query.job import QueryJob
from bench.studies.query.plain_values import plain

READ_ONLY = "25006"
"""PostgreSQL's code for a write in a read-only transaction."""


@dataclass
class UnitAnswers:
    """The values that a unit of work returned on one backend."""

    values: list[Any] = field(default_factory=list)
    """A plain value for each row of arguments."""
    error: str = ""
    """The error of the unit, with the line in the user's file; empty if there is none."""
    code: str = ""
    """PostgreSQL's code of the error; empty if it is none of the server's."""
    left_open: bool = False
    """Whether the unit left a transaction open."""


def answers_of(job: QueryJob, unit: str, rows: Sequence[Row]) -> UnitAnswers:
    """Call the unit for each row of arguments, and return what it gave.

    It ends at the first error, and at the first transaction that is left open. Raises what opening
    the backend raises.
    """
    backend = job.backend()
    known = next(known for known in job.units if known.name == unit)
    rows = [known.native(backend, row) for row in rows]
    if isinstance(backend, Backend):
        answers = UnitAnswers()
        with backend.open(job.target), backend.accessor() as accessor:
            for row in rows:
                try:
                    answers.values.append(plain(getattr(accessor, unit)(*row)))
                except Exception as error:
                    return _failed(answers, error, job)
                if _in_transaction(accessor.native):
                    answers.left_open = True
                    return answers
        return answers
    with asyncio.Runner() as runner:
        return runner.run(_answers_of_async(backend, job, unit, rows))


async def _answers_of_async(
    backend: AsyncBackend, job: QueryJob, unit: str, rows: Sequence[Row]
) -> UnitAnswers:
    answers = UnitAnswers()
    async with backend.open(job.target), backend.accessor() as accessor:
        for row in rows:
            try:
                answers.values.append(plain(await getattr(accessor, unit)(*row)))
            except Exception as error:
                return _failed(answers, error, job)
            if _in_transaction(accessor.native):
                answers.left_open = True
                return answers
    return answers


def _in_transaction(native: Any) -> bool:
    """Return whether the session or connection is in a transaction that would hold locks."""
    for name in ("in_transaction", "is_in_transaction"):  # SQLAlchemy, asyncpg
        if hasattr(native, name):
            return bool(getattr(native, name)())
    status = getattr(getattr(native, "info", None), "transaction_status", 0)
    return int(status) != 0  # IDLE, of psycopg and psycopg2


def _failed(answers: UnitAnswers, error: Exception, job: QueryJob) -> UnitAnswers:
    original: Any = getattr(error, "orig", None) or error
    if type(original).__module__.startswith("sqlalchemy"):  # its adapter's copy of an asyncpg error
        original = original.__cause__ or original
    code = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None) or ""
    frames = traceback.extract_tb(error.__traceback__)
    line = next((frame.lineno for frame in reversed(frames) if frame.filename == job.file), None)
    place = f"line {line}: " if line else ""
    answers.code = code
    answers.error = f"{place}{type(original).__name__}: {first_line(original, job.url)}"
    return answers
