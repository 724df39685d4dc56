"""The check of a backend in its own process: the statement, in every way of fetching.

The answers are compared with the server's by value.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from accessors.api import Accessor, AnyBackend, AsyncAccessor, AsyncBackend, Backend, Target
from bench.measure.fetch_calls import call_of
from bench.model.fetch import Fetch
from bench.model.sql_text import SqlText
from bench.studies.query import object_checks
from bench.studies.query.answers import COMPARED_ROWS, Answer, Answers, values_of
from bench.studies.query.forms import Forms, entity_values
from bench.studies.query.job import QueryJob, native_arguments
from bench.studies.query.object_checks import text_rows, text_rows_async
from bench.studies.query.plain_values import shown
from bench.studies.query.values import as_text, same

MOST_UNORDERED = 500
"""The most rows that are compared as a set. Of more, the number is compared."""


@dataclass
class Checked:
    """The outcome of the check of one backend."""

    checks: int = 0
    """The number of answers that were compared."""
    difference: str | None = None
    """The first difference in words; None if all answers agree."""
    texts: dict[str, str] = field(default_factory=dict)
    """Name of a column -> its type, where the library gives text that others parse."""

    def add(self, read: str, other: "Checked") -> None:
        """Add the outcome of another read, which a difference names if `read` is not empty."""
        self.checks += other.checks
        self.texts |= other.texts
        if other.difference:
            self.difference = f"{read}: {other.difference}" if read else other.difference


def check(job: QueryJob, read: str, answers: Answers, fetches: Sequence[Fetch]) -> Checked:
    """Fetch each answer to a read in each way that the backend has, and compare it.

    Raises what the library raises.
    """
    backend = job.backend()
    ways = [fetch for fetch in fetches if fetch.offered_by(backend)]
    target = job.target
    declared = next(known for known in job.reads if known.name == read)
    statement = declared.statement
    forms = declared.forms
    checked = Checked()
    by_dicts = backend.layer == "orm" and forms.as_dict is not None
    if isinstance(backend, Backend):
        with backend.open(target), backend.accessor() as accessor:
            for answer in answers.answers:
                arguments = native_arguments(backend, statement, answer.arguments)
                right = text_rows(accessor, forms, arguments) if by_dicts else []
                for fetch in ways:
                    taken = _take(accessor, read, fetch, arguments)
                    if by_dicts:
                        if _differs_as_dicts(checked, taken, right, answer, answers, fetch, forms):
                            return checked
                        continue
                    taken.rows = _values(backend, taken.rows, answers)
                    if _differs(checked, taken, answer, answers, fetch):
                        return checked
        return checked
    with asyncio.Runner() as runner:
        return runner.run(_check_async(backend, target, statement, forms, read, answers, ways))


async def _check_async(
    backend: AsyncBackend,
    target: Target,
    statement: SqlText,
    forms: Forms,
    read: str,
    answers: Answers,
    ways: Sequence[Fetch],
) -> Checked:
    checked = Checked()
    by_dicts = backend.layer == "orm" and forms.as_dict is not None
    async with backend.open(target), backend.accessor() as accessor:
        for answer in answers.answers:
            arguments = native_arguments(backend, statement, answer.arguments)
            right = await text_rows_async(accessor, forms, arguments) if by_dicts else []
            for fetch in ways:
                taken = await _take_async(accessor, read, fetch, arguments)
                if by_dicts:
                    if _differs_as_dicts(checked, taken, right, answer, answers, fetch, forms):
                        return checked
                    continue
                taken.rows = _values(backend, taken.rows, answers)
                if _differs(checked, taken, answer, answers, fetch):
                    return checked
    return checked


def _values(backend: AnyBackend, rows: list[Any], answers: Answers) -> list[Any]:
    """Return the rows as values by column; the ORM's are mapped objects."""
    if backend.layer != "orm":
        return rows
    return entity_values(rows, [column.name for column in answers.columns])


class _Taken:
    """The rows of an answer that are compared, and the number of all: a stream is not held."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.count = 0

    def add(self, rows: Sequence[Any]) -> None:
        """Count these rows, and keep those among the first `COMPARED_ROWS`."""
        self.rows += rows[: max(0, COMPARED_ROWS - self.count)]
        self.count += len(rows)


def _take(accessor: Accessor, read: str, fetch: Fetch, arguments: Sequence[Any]) -> _Taken:
    taken = _Taken()
    if fetch.mode == "buffered":
        taken.add(list(getattr(accessor, read)(*arguments)))
        return taken
    with call_of(accessor, read, fetch)(*arguments) as rows:
        for row in rows:
            taken.add(list(row) if fetch.mode == "batched" else [row])
    return taken


async def _take_async(
    accessor: AsyncAccessor, read: str, fetch: Fetch, arguments: Sequence[Any]
) -> _Taken:
    taken = _Taken()
    if fetch.mode == "buffered":
        taken.add(list(await getattr(accessor, read)(*arguments)))
        return taken
    async with call_of(accessor, read, fetch)(*arguments) as rows:
        async for row in rows:
            taken.add(list(row) if fetch.mode == "batched" else [row])
    return taken


def _differs(
    checked: Checked, taken: _Taken, answer: Answer, answers: Answers, fetch: Fetch
) -> bool:
    """Count the check, and note the first difference. Return whether there is one."""
    checked.checks += 1
    checked.difference = _difference(taken, answer, answers, fetch)
    if checked.difference is None:
        _note_texts(checked, taken.rows, answers)
    return checked.difference is not None


def _differs_as_dicts(
    checked: Checked,
    taken: _Taken,
    right: list[Any],
    answer: Answer,
    answers: Answers,
    fetch: Fetch,
    forms: Forms,
) -> bool:
    """Compare mapped objects as dicts. Count the check, and return whether there is a difference.

    `right`: the rows of the SQL text, through the same session. They must be the server's.
    """
    checked.checks += 1
    flat = _Taken()
    flat.add(right)
    checked.difference = _difference(flat, answer, answers, fetch)
    if checked.difference is None and answers.steady:
        count = sum(map(forms.rows_in, taken.rows)) if forms.rows_in else taken.count
        whole = taken.count == len(taken.rows)
        checked.difference = object_checks.difference(
            forms, fetch, taken.rows, count if whole else len(right), right
        )
    return checked.difference is not None


def _difference(taken: _Taken, answer: Answer, answers: Answers, fetch: Fetch) -> str | None:
    rows = taken.rows
    if answers.counted and taken.count != answer.rows:
        return f"{fetch}: {taken.count:,} rows instead of {answer.rows:,}"
    if any(len(row) != len(answers.columns) for row in rows[:1]):
        return f"{fetch}: {len(rows[0])} columns instead of {len(answers.columns)}"
    if not answers.steady or not answers.columns:
        return None
    if not answers.ordered:
        return _unordered_difference(rows, answer, answers, fetch)
    for number, (row, line, texts) in enumerate(
        zip(rows, answer.lines, answer.texts, strict=False), start=1
    ):
        expected = values_of(line)
        for place, column in enumerate(answers.columns):
            if not same(row[place], expected[place], texts[place], column.type):
                return (
                    f"{fetch}, row {number}, column {column.name} ({column.type.name}):"
                    f" {shown(row[place])} instead of {shown(texts[place] or expected[place])}"
                )
    return None


def _unordered_difference(
    rows: list[Any], answer: Answer, answers: Answers, fetch: Fetch
) -> str | None:
    """Compare rows that come in any order. Only an answer that was compared whole is judged."""
    if answer.rows > MOST_UNORDERED:
        return None
    left = [
        (values_of(line), texts) for line, texts in zip(answer.lines, answer.texts, strict=True)
    ]
    for number, row in enumerate(rows, start=1):
        for right in left:
            if _equal(row, *right, answers):
                left.remove(right)
                break
        else:
            return f"{fetch}: row {number} is none of the server's rows: {shown(tuple(row))}"
    return None


def _equal(row: Any, expected: list[Any], texts: Sequence[str | None], answers: Answers) -> bool:
    return all(
        same(row[place], expected[place], texts[place], column.type)
        for place, column in enumerate(answers.columns)
    )


def _note_texts(checked: Checked, rows: list[Any], answers: Answers) -> None:
    for row in rows[:100]:
        for place, column in enumerate(answers.columns):
            if as_text(row[place], column.type):
                checked.texts[column.name] = column.type.name
