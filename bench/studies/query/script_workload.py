"""A script of pgbench as a workload: one unit of work, by the same statements on every driver."""

from asyncio import sleep as async_sleep
from collections.abc import Sequence
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


def script_workload(path: Path) -> Workload:
    """Return the workload of a script. One that writes does so in a copy of the database."""
    script = read_script(path)
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in path.stem)
    unit = ScriptUnit(name, script)
    setup = None if script.only_reads else COPY
    return Workload(name, {unit: 1}, f"pgbench's script {path.name}", setup=setup)


def native_values(backend: AnyBackend, statement: SqlText | None, values: Any) -> Any:
    """Return the values of a step as the backend's function takes them."""
    if statement is None:
        return values
    if backend.placeholders == "percent":
        return tuple(values[place] for place in statement.percent_order)
    if backend.placeholders == "sqlalchemy":
        return dict(zip(statement.bind_names, values, strict=True))
    return values


def function_of(backend: AnyBackend, steps: Steps) -> Any:
    """Return the function that performs the steps on a connection of the backend.

    It is what one would write by hand: a call of the library for each statement, which fetches the
    rows if there are any. It returns the rows of the last statement that has some.
    """
    made = [(None if text is None else _native(backend, text), rows) for text, rows in steps]
    kind = backend.driver if backend.layer == "driver" else backend.layer
    return _FUNCTIONS[kind, backend.mode](made)


def _native(backend: AnyBackend, text: SqlText) -> Any:
    if backend.placeholders == "numbered":
        return text.numbered
    if backend.placeholders == "percent":
        return text.percent
    from accessors.statements import text_read

    return text_read(text.named, text.bind_names).statement


def _psycopg2(steps: Sequence[tuple[Any, bool]]) -> Any:
    def run(connection: Any, *arguments: Any) -> Any:
        found = None
        with connection.cursor() as cursor:
            for (text, rows), values in zip(steps, arguments, strict=True):
                if text is None:
                    sleep(values)
                else:
                    cursor.execute(text, values)
                    if rows:
                        found = cursor.fetchall()
        return found

    return run


def _psycopg(steps: Sequence[tuple[Any, bool]]) -> Any:
    def run(connection: Any, *arguments: Any) -> Any:
        found = None
        for (text, rows), values in zip(steps, arguments, strict=True):
            if text is None:
                sleep(values)
            else:
                cursor = connection.execute(text, values)
                if rows:
                    found = cursor.fetchall()
        return found

    return run


def _psycopg_async(steps: Sequence[tuple[Any, bool]]) -> Any:
    async def run(connection: Any, *arguments: Any) -> Any:
        found = None
        for (text, rows), values in zip(steps, arguments, strict=True):
            if text is None:
                await async_sleep(values)
            else:
                cursor = await connection.execute(text, values)
                if rows:
                    found = await cursor.fetchall()
        return found

    return run


def _asyncpg(steps: Sequence[tuple[Any, bool]]) -> Any:
    async def run(connection: Any, *arguments: Any) -> Any:
        found = None
        for (text, rows), values in zip(steps, arguments, strict=True):
            if text is None:
                await async_sleep(values)
            elif rows:
                found = await connection.fetch(text, *values)
            elif values:
                await connection.fetch(text, *values)
            else:
                await connection.execute(text)
        return found

    return run


def _core(steps: Sequence[tuple[Any, bool]]) -> Any:
    def run(connection: Any, *arguments: Any) -> Any:
        found = None
        for (text, rows), values in zip(steps, arguments, strict=True):
            if text is None:
                sleep(values)
            else:
                result = connection.execute(text, values)
                if rows:
                    found = result.all()
        connection.commit()  # in autocommit it sends nothing
        return found

    return run


def _core_async(steps: Sequence[tuple[Any, bool]]) -> Any:
    async def run(connection: Any, *arguments: Any) -> Any:
        found = None
        for (text, rows), values in zip(steps, arguments, strict=True):
            if text is None:
                await async_sleep(values)
            else:
                result = await connection.execute(text, values)
                if rows:
                    found = result.all()
        await connection.commit()
        return found

    return run


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
