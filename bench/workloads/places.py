"""The place of a unit's function: the backends that give what its first parameter asks for."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_origin

from accessors.api import AnyBackend
from bench.model.errors import UsageError
from bench.workloads.declarations import Function, Unit

_KNOWN = (
    "Session, AsyncSession, Connection or AsyncConnection of SQLAlchemy,"
    " psycopg2.extensions.connection, psycopg.Connection, psycopg.AsyncConnection or"
    " asyncpg.Connection"
)


@dataclass(frozen=True)
class Place:
    """The backends that can run a function: of one layer, in one mode, over one or each driver."""

    layer: str
    mode: str
    driver: str = ""
    """Empty for every driver."""

    def has(self, backend: AnyBackend) -> bool:
        """Return whether the backend is one of them."""
        return (backend.layer, backend.mode) == (self.layer, self.mode) and (
            not self.driver or self.driver == backend.driver
        )


_PLACES: Mapping[str, Place] = {
    "sqlalchemy.orm.session.Session": Place("orm", "sync"),
    "sqlalchemy.ext.asyncio.session.AsyncSession": Place("orm", "async"),
    "sqlalchemy.engine.base.Connection": Place("core", "sync"),
    "sqlalchemy.ext.asyncio.engine.AsyncConnection": Place("core", "async"),
    "psycopg2.extensions.connection": Place("driver", "sync", "psycopg2"),
    "psycopg.Connection": Place("driver", "sync", "psycopg"),
    "psycopg.AsyncConnection": Place("driver", "async", "psycopg"),
    "asyncpg.connection.Connection": Place("driver", "async", "asyncpg"),
    "asyncpg.pool.PoolConnectionProxy": Place("driver", "async", "asyncpg"),
}


def where(function: Function) -> str:
    """Return the file, the line and the name of a function, for a message."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    name = getattr(function, "__name__", repr(function))
    return f"{code.co_filename}, line {code.co_firstlineno}: {name}" if code else name


def place_of(function: Function) -> Place:
    """Return the place of a function. Raises `UsageError` if its annotation does not tell."""
    known: Place | None = getattr(function, "place", None)
    if known is not None:  # a script's
        return known
    annotation = _annotation(function)
    kind = get_origin(annotation) or annotation
    name = f"{getattr(kind, '__module__', '')}.{getattr(kind, '__qualname__', kind)}"
    place = _PLACES.get(name)
    if place is None:
        raise UsageError(
            f"{where(function)} takes a {name.removeprefix('builtins.')}, which no backend gives.\n"
            f"Annotate its first parameter with {_KNOWN}."
        )
    is_async = inspect.iscoroutinefunction(inspect.unwrap(function))
    if is_async != (place.mode == "async"):
        short = name.rpartition(".")[2]
        raise UsageError(
            f"{where(function)} is {'an async def' if is_async else 'a def'}, but takes"
            f" {_article(short)}.\nWrite {'def' if is_async else 'async def'}, or"
            f" {'an async' if is_async else 'a sync'} session or connection."
        )
    return place


def function_for(unit: Unit, backend: AnyBackend) -> Function | None:
    """Return the function of the unit that runs on the backend; None if there is none."""
    return next((known for known in unit.functions if place_of(known).has(backend)), None)


def check_places(unit: Unit) -> None:
    """Raise `UsageError` for a unit without functions, or with two for the same backends."""
    if not unit.functions:
        raise UsageError(
            f"the unit {unit.name} has no function.\nWrite Unit({unit.name!r}, function)."
        )
    places: dict[Place, Function] = {}
    for function in unit.functions:
        if not callable(function):
            raise UsageError(
                f"the unit {unit.name} has {function!r:.60}, which is no function.\n"
                "Give it functions."
            )
        place = place_of(function)
        if place in places:
            raise UsageError(
                f"{where(function)} and {where(places[place])} take the same.\n"
                "Leave one of them out of the unit, or name it in a unit of its own."
            )
        places[place] = function


def _annotation(function: Function) -> Any:
    try:
        signature = inspect.signature(function, eval_str=True)
    except NameError as error:
        raise UsageError(
            f"{where(function)}: the annotation {error.name} is not known when the file runs.\n"
            "Import it at the top of the file, and not under `if TYPE_CHECKING:`."
        ) from None
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{where(function)} has no readable signature ({error}).\nGive a plain function."
        ) from None
    first = next(iter(signature.parameters.values()), None)
    if first is None or first.annotation is inspect.Parameter.empty:
        missing = "parameter" if first is None else f"annotation of {first.name}"
        raise UsageError(
            f"{where(function)} has no {missing}, so it is unknown where it runs.\n"
            f"Annotate its first parameter with {_KNOWN}."
        )
    return first.annotation


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
