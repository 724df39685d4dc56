"""The verification of units of work: every backend returns the same, and leaves nothing open."""

from collections.abc import Mapping
from typing import Any

from bench.measure.worker_pool import WorkerPool
from bench.measure.worker_process import WorkError
from bench.model.errors import BenchError, UsageError
from bench.studies.query.job import JobUnit, QueryJob
from bench.studies.query.plain_values import first_difference
from bench.studies.query.question import Subject
from bench.studies.query.unit_checks import READ_ONLY, UnitAnswers, answers_of
from bench.workloads.places import function_for, where

COMPARED_ARGUMENTS = 3
"""The most rows of arguments for which values are compared."""
_START_S = 30.0


def check_units(
    subject: Subject, jobs: Mapping[str, QueryJob], workers: WorkerPool, timeout_s: float
) -> None:
    """Call each unit of the workload on each backend, and compare what it returns.

    The rows are brought back after each backend, so that each finds the same. `jobs`: backend ->
    a job of one client. Raises `BenchError` for a unit that fails, leaves a transaction open, or
    returns another value on another backend, and `UsageError` for one that writes without
    permission.
    """
    assert subject.units is not None
    for unit in subject.units.jobs:
        rows = list({repr(row): row for row in unit.draws[:100]}.values())[:COMPARED_ARGUMENTS]
        first: tuple[str, UnitAnswers] | None = None
        for backend, job in jobs.items():
            pending = workers.submit(backend, answers_of, job, unit.name, rows)
            try:
                answers = workers.result(pending, timeout_s + _START_S)
            except WorkError as error:
                raise BenchError(
                    f"{unit.name} cannot run on {backend} ({error}).\n"
                    f"Leave the backend out with --backend, or correct {_place(subject, unit)}."
                ) from None
            finally:
                if subject.kept:
                    workers.dismiss(backend)  # a session that is left would hold its locks
                    subject.kept.restore()
            _check(subject, unit, backend, answers)
            if first is None:
                first = backend, answers
            else:
                _compare(subject, unit, first, (backend, answers), rows)


def _check(subject: Subject, unit: JobUnit, backend: str, answers: UnitAnswers) -> None:
    place = _place(subject, unit, backend)
    if answers.code == READ_ONLY and subject.kept is None:
        raise UsageError(
            f"{place} writes ({answers.error}), and sessions are read-only.\nGive the workload"
            f" {subject.name} a setup= or a restore=, so that each case finds the same rows."
        )
    if answers.error:
        raise BenchError(
            f"{place} failed on {backend} ({answers.error}).\nCorrect it. Nothing was timed."
        )
    if answers.left_open:
        raise BenchError(
            f"{place} leaves a transaction open on {backend}"
            f"{f', in call {answers.left_open}' if answers.left_open > 1 else ''}.\n"
            "End it on every path: with session.begin(): ..., or commit() before each return."
        )


def _compare(
    subject: Subject,
    unit: JobUnit,
    left: tuple[str, UnitAnswers],
    right: tuple[str, UnitAnswers],
    rows: list[Any],
) -> None:
    for row, one, other in zip(rows, left[1].values, right[1].values, strict=True):
        if difference := first_difference(one, other):
            at, value, another = difference
            raise BenchError(
                f"{unit.name}{row!r:.60} returns {value} on {left[0]} and {another} on {right[0]}"
                f"{f', at {at}' if at else ''}.\n"
                f"Make {_place(subject, unit, right[0])} return what"
                f" {_place(subject, unit, left[0])} does. Nothing was timed."
            )


def _place(subject: Subject, unit: JobUnit, backend: str = "") -> str:
    """Return file, line and name of the unit's function for the backend, or the first one."""
    import accessors

    assert subject.units is not None
    declared = next(known for known in subject.units.declared if known.name == unit.name)
    if declared.text:
        return f"the script {unit.name}"
    loaded = accessors.load(backend) if backend in accessors.BUILTIN else None
    function = function_for(declared, loaded) if loaded else None
    return where(function or declared.functions[0])
