"""The check of a unit of work, in the process of its backend: what it returns, and how it ends."""

import asyncio
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from time import monotonic
from typing import Any

from accessors.api import AsyncBackend, Backend
from bench.server.failures import first_line
from bench.studies.query.arguments import Row
from bench.studies.query.job import JobUnit, QueryJob
from bench.studies.query.plain_values import plain

READ_ONLY = "25006"
"""PostgreSQL's code for a write in a read-only transaction."""

FURTHER_CALLS = 100
"""The calls after those whose values are compared: a unit may leave a transaction open in few."""
FURTHER_S = 1.0
"""The time after which no further call begins."""


@dataclass
class UnitAnswers:
    """The values that a unit of work returned on one backend."""

    values: list[Any] = field(default_factory=list)
    """A plain value for each row of arguments."""
    error: str = ""
    """The error of the unit, with the line in the user's file; empty if there is none."""
    code: str = ""
    """PostgreSQL's code of the error; empty if it is none of the server's."""
    left_open: int = 0
    """The number of the call, from 1, that left a transaction open; 0 if none did."""


def answers_of(job: QueryJob, unit: str, rows: Sequence[Row]) -> UnitAnswers:
    """Call the unit for each row of arguments, and return what it gave.

    Then calls it as it is measured, `FURTHER_CALLS` times or for `FURTHER_S`, to see whether a call
    leaves a transaction open. An error of a further call ends them and is no answer: the
    measurement counts it. All ends at the first error, and at the first transaction that is left
    open. Raises what opening the backend raises.
    """
    backend = job.backend()
    known = next(known for known in job.units if known.name == unit)
    calls = _calls(rows, known.draws)
    if isinstance(backend, Backend):
        answers = UnitAnswers()
        with backend.open(job.target), backend.accessor() as accessor:
            for number, row in calls:
                try:
                    value = getattr(accessor, unit)(*known.native(backend, row))
                    if number <= len(rows):
                        answers.values.append(plain(value))
                except Exception as error:
                    return answers if number > len(rows) else _failed(answers, error, job)
                if _in_transaction(accessor.native):
                    answers.left_open = number
                    break
        return answers
    with asyncio.Runner() as runner:
        return runner.run(_answers_of_async(backend, job, known, rows))


async def _answers_of_async(
    backend: AsyncBackend, job: QueryJob, known: JobUnit, rows: Sequence[Row]
) -> UnitAnswers:
    answers = UnitAnswers()
    async with backend.open(job.target), backend.accessor() as accessor:
        for number, row in _calls(rows, known.draws):
            try:
                value = await getattr(accessor, known.name)(*known.native(backend, row))
                if number <= len(rows):
                    answers.values.append(plain(value))
            except Exception as error:
                return answers if number > len(rows) else _failed(answers, error, job)
            if _in_transaction(accessor.native):
                answers.left_open = number
                break
    return answers


def _calls(rows: Sequence[Row], draws: Sequence[Row]) -> Iterator[tuple[int, Row]]:
    """Give the number, from 1, and the arguments of each call: the rows first, then the draws."""
    yield from enumerate(rows, 1)
    until = monotonic() + FURTHER_S
    for number, row in enumerate(islice(cycle(draws), FURTHER_CALLS), len(rows) + 1):
        if monotonic() >= until:
            return
        yield number, row


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
