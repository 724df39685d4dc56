"""The operations of a backend for its verification: reads by every fetch, and writes.

They run in the backend's own process.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import accessors
from accessors.api import Accessor, AnyBackend, AsyncAccessor, AsyncBackend, Backend, Target
from bench.measure.fetch_calls import call_of
from bench.model.fetch import Fetch
from bench.model.workload import Operation
from bench.verification.expected import Expectation, canonical

_NOTHING = "nothing"


@dataclass(frozen=True)
class AnswerDifference:
    """The first row that differs from the right answer."""

    operation: Operation
    fetch: Fetch
    row: int
    """Counted from 1."""
    expected: str
    answer: str

    def __str__(self) -> str:
        arguments = ", ".join(map(str, self.operation.arguments))
        return (
            f"{self.operation.function}({arguments}), {self.fetch}, row {self.row}:"
            f" {self.answer} instead of {self.expected}"
        )


@dataclass(frozen=True)
class Written:
    """The outcome of a write: its return value, or the class of the error that refused it."""

    value: Any = None
    refused: str | None = None


def read(
    name: str,
    module: str,
    target: Target,
    expectations: Sequence[Expectation],
    fetches: Sequence[Fetch],
) -> tuple[int, AnswerDifference | None]:
    """Return the number of answers that were compared, and the first difference or None."""
    backend = accessors.load(name, module)
    checks = [
        (expectation, fetch)
        for expectation in expectations
        for fetch in (fetches if expectation.operation.function in backend.shapes else (Fetch(),))
        if fetch.offered_by(backend)
    ]
    if isinstance(backend, Backend):
        return _read(backend, target, checks)
    return asyncio.run(_read_async(backend, target, checks))


def write(name: str, module: str, target: Target, operations: Sequence[Operation]) -> list[Written]:
    """Run the writes one after another on one session, which must survive refused writes."""
    backend = accessors.load(name, module)
    if isinstance(backend, Backend):
        return _write(backend, target, operations)
    return asyncio.run(_write_async(backend, target, operations))


def _difference(
    backend: AnyBackend, expectation: Expectation, fetch: Fetch, answer: Any
) -> AnswerDifference | None:
    function = expectation.operation.function
    values = backend.shapes[function]().dicts(answer) if function in backend.shapes else [answer]
    answers = map(canonical, values)
    pairs = zip_longest(expectation.lines, answers, fillvalue=_NOTHING)
    for row, (right, line) in enumerate(pairs, start=1):
        if right != line:
            return AnswerDifference(expectation.operation, fetch, row, right, line)
    return None


def _read(
    backend: Backend, target: Target, checks: Sequence[tuple[Expectation, Fetch]]
) -> tuple[int, AnswerDifference | None]:
    with backend.open(target), backend.accessor() as accessor:
        for number, (expectation, fetch) in enumerate(checks, start=1):
            answer = _take(accessor, expectation.operation, fetch)
            if difference := _difference(backend, expectation, fetch, answer):
                return number, difference
    return len(checks), None


def _take(accessor: Accessor, operation: Operation, fetch: Fetch) -> Any:
    if fetch.mode == "buffered":
        return getattr(accessor, operation.function)(*operation.arguments)
    with call_of(accessor, operation.function, fetch)(*operation.arguments) as rows:
        if fetch.mode == "batched":
            return [row for batch in rows for row in batch]
        return list(rows)


def _write(backend: Backend, target: Target, operations: Sequence[Operation]) -> list[Written]:
    written = []
    with backend.open(target), backend.accessor() as accessor:
        for operation in operations:
            call = getattr(accessor, operation.function)
            try:
                written.append(Written(call(*operation.arguments)))
            except Exception as error:
                written.append(Written(refused=type(error).__name__))
    return written


async def _read_async(
    backend: AsyncBackend, target: Target, checks: Sequence[tuple[Expectation, Fetch]]
) -> tuple[int, AnswerDifference | None]:
    async with backend.open(target), backend.accessor() as accessor:
        for number, (expectation, fetch) in enumerate(checks, start=1):
            answer = await _take_async(accessor, expectation.operation, fetch)
            if difference := _difference(backend, expectation, fetch, answer):
                return number, difference
    return len(checks), None


async def _take_async(accessor: AsyncAccessor, operation: Operation, fetch: Fetch) -> Any:
    if fetch.mode == "buffered":
        return await getattr(accessor, operation.function)(*operation.arguments)
    async with call_of(accessor, operation.function, fetch)(*operation.arguments) as rows:
        if fetch.mode == "batched":
            return [row async for batch in rows for row in batch]
        return [row async for row in rows]


async def _write_async(
    backend: AsyncBackend, target: Target, operations: Sequence[Operation]
) -> list[Written]:
    written = []
    async with backend.open(target), backend.accessor() as accessor:
        for operation in operations:
            call = getattr(accessor, operation.function)
            try:
                written.append(Written(await call(*operation.arguments)))
            except Exception as error:
                written.append(Written(refused=type(error).__name__))
    return written
