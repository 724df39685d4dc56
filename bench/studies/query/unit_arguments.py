"""The arguments of a unit of work: drawn in the command, before any clock starts."""

import csv
import inspect
import pickle
import random
import re
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from bench.model.errors import UsageError
from bench.model.workload import READ_ARGUMENTS
from bench.server.database import Database
from bench.studies.query.arguments import LEAST_PER_CLIENT, MOST_CANDIDATES, Row
from bench.studies.query.called_arguments import called, refuse_iterator
from bench.studies.query.refusals import explained
from bench.workloads import Unit, Workload
from bench.workloads.places import where

_RANGE = re.compile(r"(-?\d{1,18})\.\.(-?\d{1,18})")
_FROM_TEXT: dict[Any, Callable[[str], Any]] = {
    bool: lambda text: text.lower() in {"t", "true", "1", "yes"},
    int: int,
    float: float,
    Decimal: Decimal,
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
    UUID: UUID,
}


def draws_of(
    workload: Workload, unit: Unit, database: Database, seed: int, clients: int
) -> tuple[Row, ...]:
    """Return the arguments of the operations of one run, the same for the same seed.

    Raises `UsageError` for arguments of another number than the function's parameters, and for what
    cannot be read or pickled.
    """
    source = workload.arguments_of(unit)
    refuse_iterator(source, unit.name)
    count = max(READ_ARGUMENTS, LEAST_PER_CLIENT * clients)
    chance = random.Random(f"{seed}/{unit.name}")
    rows: Sequence[Any]
    if callable(source):
        rows = called(source, chance, count, unit.name)
    else:
        candidates = _candidates(source, unit, database)
        rows = candidates if len(candidates) == 1 else chance.choices(candidates, k=count)
    for row in rows[:1]:
        _check(unit, row)
    try:
        pickle.dumps(rows[:100])
    except Exception as error:
        raise UsageError(
            f"the arguments of {unit.name} cannot be sent to another process ({error}).\n"
            "Let them be plain values: numbers, texts, dates, lists, dicts."
        ) from None
    return tuple(rows)


def _candidates(source: Any, unit: Unit, database: Database) -> Sequence[Row]:
    if not isinstance(source, str):
        rows = list(source) or [()]
        if wrong := next((row for row in rows if not isinstance(row, tuple | list)), None):
            raise UsageError(
                f"the arguments of {unit.name} have the row {wrong!r:.40}.\n"
                "Write a list of tuples, with a value for each parameter."
            )
        return [tuple(row) for row in rows]
    if found := _RANGE.fullmatch(source):
        numbers = range(int(found[1]), int(found[2]) + 1)
        if not numbers:
            raise UsageError(
                f"the arguments {source} of {unit.name} are empty.\nBegin with the smaller number."
            )
        # choices() takes any sequence; a range of a billion numbers is no list
        return _Ones(numbers)
    if source.lower().endswith(".csv"):
        return _of_file(Path(source), unit)
    what = f"the query for the arguments of {unit.name}"
    with closing(database.connect(as_backend=True)) as connection, explained(database, "", what):
        query: Any = source
        rows = connection.execute(query).fetchmany(MOST_CANDIDATES)
    if not rows:
        raise UsageError(f"{what} returned no rows.\nLet it return values for the parameters.")
    return rows


class _Ones(Sequence[Row]):
    """A range of numbers as rows of one value."""

    def __init__(self, numbers: range) -> None:
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, place: Any) -> Any:
        return (self._numbers[place],)


def _of_file(path: Path, unit: Unit) -> list[Row]:
    parameters = _parameters(unit)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if line][: MOST_CANDIDATES + 1]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(
            f"the file {path} with the arguments of {unit.name} cannot be read ({reason}).\n"
            "Give a CSV file in UTF-8 with a column for each parameter."
        ) from None
    if lines and lines[0] == [parameter.name for parameter in parameters]:  # a heading
        del lines[0]
    rows = []
    for number, line in enumerate(lines, start=1):
        if len(line) != len(parameters):
            raise UsageError(
                f"row {number} of {path} has {len(line)} values, and {unit.name} takes"
                f" {len(parameters)}.\nGive one value for each parameter after the session."
            )
        try:
            rows.append(
                tuple(
                    _FROM_TEXT.get(parameter.annotation, str)(text) if text else None
                    for parameter, text in zip(parameters, line, strict=True)
                )
            )
        except (ValueError, ArithmeticError) as error:
            raise UsageError(
                f"row {number} of {path} does not fit {unit.name} ({error}).\n"
                "Write values of the annotated types."
            ) from None
    return rows


def _parameters(unit: Unit) -> list[inspect.Parameter]:
    """Return the parameters after the session that are given by position."""
    signature = inspect.signature(unit.functions[0], eval_str=True)
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in signature.parameters.values() if p.kind in positional][1:]


def _check(unit: Unit, row: Row) -> None:
    """Raise `UsageError` if a function does not take the arguments."""
    for function in unit.functions:
        try:
            inspect.signature(function).bind(None, *row)
        except TypeError as error:
            raise UsageError(
                f"{where(function)} does not take the arguments {tuple(row)!r:.60} ({error}).\n"
                f"Give the unit arguments= with a value for each parameter after the session."
            ) from None
