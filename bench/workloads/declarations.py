"""The classes of a user's declarations. They check nothing: a command does, when it reads them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Select, TextClause

Function = Callable[..., Any]
Arguments = (
    str | Sequence[Sequence[Any]] | Callable[[Random], Sequence[Any] | Iterator[Sequence[Any]]]
)
"""A query, a CSV file or a range as in `bench query --arguments`; a list of tuples; or a function
of a `random.Random` that returns one tuple, or that yields tuples. When a generator ends, its
tuples are taken again."""
Preparation = "str | Callable[[Connection[Any]], object]"
"""SQL text, or a function that is given a connection of psycopg in autocommit."""

COPY = "a copy of the database"
"""The `setup` of a workload that writes in a copy of the database which the command names."""


@dataclass(frozen=True, eq=False)
class Read:
    """A read, in each form that you have: SQL text, a Core `select()`, an ORM `select()`.

    The bare drivers take the SQL text. If there is none, they take the text that SQLAlchemy makes
    of the Core statement, or else of the ORM statement. SQLAlchemy Core takes the Core statement,
    or else the text by `text()`. The ORM takes the ORM statement, and is left out if there is none.
    """

    name: str
    """Letters, digits and `-_.`; the workload's name in results if the read is measured alone."""
    sql: str | None = None
    """One statement that reads, with `:name` for each parameter (`$1` if it is the only form)."""
    core: "Select[Any] | TextClause | None" = None
    """A `select()` of columns, with `bindparam("name")` for each parameter; or a `text()` with
    `:name`, which is the same as `sql`."""
    orm: "Select[Any] | None" = None
    """A `select()` of one mapped class, with `bindparam("name")` for each parameter."""
    arguments: Arguments = ()
    """The candidates for the parameters, in the order of their first use in the text."""
    orm_streamed: "Select[Any] | None" = None
    """The `select()` of the ORM for streams, if `orm` joins a collection: that cannot be streamed.
    `orm` is then called with `unique()`, as SQLAlchemy requires for joined collections."""
    as_dict: "Callable[[Sequence[Any]], Sequence[dict[str, Any]]] | None" = None
    """A function from all rows of the SQL text to plain dicts. The ORM's objects are then compared
    with these dicts, by their own method `as_dict`, and not by columns."""
    rows_in: Callable[[Any], int] | None = None
    """A function from an object of the ORM to the number of rows of the SQL text for which it
    stands; without it, one. Rates of all backends are in these rows."""


class Unit:
    """A unit of work: one or more functions that do the same, each for another library or mode.

    The annotation of a function's first parameter says where it runs: `Session` with the ORM over
    each sync driver, `AsyncSession` with the ORM over each async one, `Connection` and
    `AsyncConnection` of SQLAlchemy with Core, and a connection of psycopg2, psycopg or asyncpg with
    that driver. The function begins its transaction and ends it. What the functions return must be
    equal.
    """

    text = ""
    """The text of a script, which begins and ends its transactions by statements of its own."""

    def __init__(self, name: str, *functions: Function, arguments: Arguments = ()) -> None:
        self.name = name
        self.functions = functions
        self.arguments = arguments

    def __repr__(self) -> str:
        return f"Unit({self.name!r})"


Operation = Read | Unit


@dataclass(frozen=True, eq=False)
class Workload:
    """A mix of reads and units of work. It may be one of them alone, with the weight 1."""

    name: str
    operations: Mapping[Any, int]
    """Read, `Unit` or plain function -> its weight: operations of 6 and of 1 come six to one, in a
    seeded order. Functions of one name (sync and async, from two modules) are one unit, with the
    weight of the first."""
    description: str = ""
    setup: "Preparation | None" = None  # type: ignore[valid-type]
    """The maker of the tables and the rows in a new, empty database, in which the workload runs and
    may write: SQL text, or a function of a psycopg connection. `COPY`: the new database is a copy
    of the one that the command names. Each case finds the same rows: without `restore`, the
    database is made again from a template after each turn. It is dropped at the end."""
    restore: "Preparation | None" = None  # type: ignore[valid-type]
    """The way to bring the rows back after each turn, as SQL text or as a function of a psycopg
    connection. Without `setup` it names the permission to write in the database itself."""
    arguments: "Arguments | Mapping[Any, Arguments]" = ()
    """The arguments of units that have none of their own: for all, or by unit or function."""
    think_s: float = 0.0
    """Seconds that a client waits after each operation. They do not count as its latency."""
    engine: "Mapping[str, Any] | Function | Sequence[Function]" = ()
    """Your application's engine: keyword arguments for `create_engine`; or a function that takes
    the arguments of `create_engine` and returns the engine; or two such functions, the first for
    sync engines and the second for async ones."""

    @cached_property
    def parts(self) -> dict[Operation, int]:
        """The reads and the units -> their weights. Plain functions of one name are one unit."""
        merged: dict[str, list[Function]] = {}
        weights: dict[str, int] = {}
        found: dict[Operation, int] = {}
        for declared, weight in self.operations.items():
            if callable(declared) and not isinstance(declared, Unit | Read):
                name = getattr(declared, "__name__", repr(declared))
                merged.setdefault(name, []).append(declared)
                weights.setdefault(name, weight)
            else:
                found[declared] = weight
        for name, functions in merged.items():
            found[Unit(name, *functions, arguments=self._arguments_of(functions))] = weights[name]
        return found

    @property
    def units(self) -> list[Unit]:
        """The units of work among the operations."""
        return [part for part in self.parts if isinstance(part, Unit)]

    def arguments_of(self, unit: Unit) -> Arguments:
        """Return the arguments of the unit: its own, or else those of the workload."""
        return unit.arguments or self._arguments_of([unit, *unit.functions])

    def _arguments_of(self, names: Sequence[Any]) -> Arguments:
        if not isinstance(self.arguments, Mapping):
            return self.arguments
        return next((self.arguments[name] for name in names if name in self.arguments), ())
