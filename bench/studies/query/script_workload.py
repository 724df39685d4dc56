"""A script of pgbench as a workload: one unit of work, by the same statements on every driver."""

from asyncio import sleep as async_sleep
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from time import sleep
from typing import Any

from accessors.api import AnyBackend
from bench.model.sql_text import SqlText
from bench.studies.query.script import Script, read_script
from bench.workloads import COPY, Unit, Workload
from bench.workloads.places import Place

_PLACES = (
    Place("driver", "sync", "psycopg2"),
    Place("driver", "sync", "psycopg"),
    Place("driver", "async", "psycopg"),
    Place("driver", "async", "asyncpg"),
    Place("core", "sync"),
    Place("core", "async"),
)

Steps = Sequence[tuple[SqlText | None, bool]]
"""The statement of each step, None for a sleep; and whether it gives rows."""


class ScriptUnit(Unit):
    """The unit of work of a script. Its functions are made in the worker process."""

    def __init__(self, name: str, script: Script) -> None:
        super().__init__(name, *map(_stub, _PLACES))
        self.script = script
        self.text = script.text


def script_unit(path: Path) -> ScriptUnit:
    """Return the unit of work of a script, named by its file."""
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in path.stem)
    return ScriptUnit(name, read_script(path))


def script_workload(path: Path) -> Workload:
    """Return the workload of a script. One that writes does so in a copy of the database."""
    unit = script_unit(path)
    setup = None if unit.script.only_reads else COPY
    return Workload(unit.name, {unit: 1}, f"pgbench's script {path.name}", setup=setup)


def native_steps(backend: AnyBackend, steps: Steps, row: Sequence[Any]) -> tuple[Any, ...]:
    """Return the steps of one operation as the backend's function takes them.

    Each is the statement in the library's form (None for a sleep), whether it gives rows, and the
    values. A step without values is in a branch that is not taken, and is left out here, before any
    clock starts.
    """
    texts = _native_texts(backend.placeholders, tuple(text for text, _ in steps))
    return tuple(
        (native, rows, _native_values(backend, text, values))
        for native, (text, rows), values in zip(texts, steps, row, strict=True)
        if values is not None
    )


def _native_values(backend: AnyBackend, statement: SqlText | None, values: Any) -> Any:
    if statement is None:
        return values
    if backend.placeholders == "percent":
        return tuple(values[place] for place in statement.percent_order)
    if backend.placeholders == "sqlalchemy":
        return dict(zip(statement.bind_names, values, strict=True))
    return values


def function_of(backend: AnyBackend) -> Any:
    """Return the function that performs the steps of an operation on a connection of the backend.

    It is what one would write by hand: a call of the library for each statement, which fetches the
    rows if there are any. It returns the rows of the last statement that has some.
    """
    kind = backend.driver if backend.layer == "driver" else backend.layer
    return _FUNCTIONS[kind, backend.mode]


@cache
def _native_texts(placeholders: str | None, texts: tuple[SqlText | None, ...]) -> tuple[Any, ...]:
    """Return the statements in a library's form. SQLAlchemy's cache needs the same objects."""
    return tuple(None if text is None else _native(placeholders, text) for text in texts)


def _native(placeholders: str | None, text: SqlText) -> Any:
    if placeholders == "numbered":
        return text.numbered
    if placeholders == "percent":
        return text.percent
    from accessors.statements import text_read

    return text_read(text.named, text.bind_names).statement


def _psycopg2(connection: Any, *steps: Any) -> Any:
    found = None
    with connection.cursor() as cursor:
        for text, rows, values in steps:
            if text is None:
                sleep(values)
            else:
                cursor.execute(text, values)
                if rows:
                    found = cursor.fetchall()
    return found


def _psycopg(connection: Any, *steps: Any) -> Any:
    found = None
    for text, rows, values in steps:
        if text is None:
            sleep(values)
        else:
            cursor = connection.execute(text, values)
            if rows:
                found = cursor.fetchall()
    return found


async def _psycopg_async(connection: Any, *steps: Any) -> Any:
    found = None
    for text, rows, values in steps:
        if text is None:
            await async_sleep(values)
        else:
            cursor = await connection.execute(text, values)
            if rows:
                found = await cursor.fetchall()
    return found


async def _asyncpg(connection: Any, *steps: Any) -> Any:
    found = None
    for text, rows, values in steps:
        if text is None:
            await async_sleep(values)
        elif rows:
            found = await connection.fetch(text, *values)
        elif values:
            await connection.fetch(text, *values)
        else:
            await connection.execute(text)
    return found


def _core(connection: Any, *steps: Any) -> Any:
    found = None
    for text, rows, values in steps:
        if text is None:
            sleep(values)
        else:
            result = connection.execute(text, values)
            if rows:
                found = result.all()
    connection.commit()  # in autocommit it sends nothing
    return found


async def _core_async(connection: Any, *steps: Any) -> Any:
    found = None
    for text, rows, values in steps:
        if text is None:
            await async_sleep(values)
        else:
            result = await connection.execute(text, values)
            if rows:
                found = result.all()
    await connection.commit()
    return found


_FUNCTIONS: dict[tuple[str, str], Any] = {
    ("psycopg2", "sync"): _psycopg2,
    ("psycopg", "sync"): _psycopg,
    ("psycopg", "async"): _psycopg_async,
    ("asyncpg", "async"): _asyncpg,
    ("core", "sync"): _core,
    ("core", "async"): _core_async,
}


def _stub(place: Place) -> Any:
    def function(connection: Any, *arguments: Any) -> None:
        raise NotImplementedError("function_of makes the function")

    function.place = place  # type: ignore[attr-defined]
    return function
