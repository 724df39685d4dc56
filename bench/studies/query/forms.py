"""The forms of a read: SQL text for the drivers, statements for SQLAlchemy Core and the ORM."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from accessors.api import AnyBackend
from bench.model.sql_text import SqlText

if TYPE_CHECKING:
    from bench.workloads import Read

FAILING_ROW = "gatherbench_at"
"""The parameter of a failing read."""
NO_ROWS = ".none"
"""Ends the name of the read that runs the same statement for no rows."""


@dataclass(frozen=True)
class Forms:
    """The forms of one read. `core` and `orm` are SQLAlchemy statements, or None."""

    text: SqlText
    core: Any = None
    orm: Any = None
    orm_streamed: Any = None
    """The ORM's statement for streams; None if `orm` can be streamed."""
    as_dict: Callable[[Sequence[Any]], Sequence[dict[str, Any]]] | None = None
    """From rows of the text to the dicts that the ORM's objects are compared with."""
    rows_in: Callable[[Any], int] | None = None
    """From an object of the ORM to the number of rows for which it stands; None for one."""

    def offered_by(self, backend: AnyBackend) -> bool:
        """Return whether the backend takes one of these forms."""
        return backend.placeholders is not None or (backend.layer == "orm" and self.orm is not None)

    def native(self, backend: AnyBackend) -> Any:
        """Return the read as the accessors of this backend take it."""
        if backend.placeholders == "numbered":
            return self.text.numbered
        if backend.placeholders == "percent":
            return self.text.percent
        if backend.placeholders == "percent_outside":
            return self.text.percent_outside
        from accessors.statements import Read as StatementRead
        from accessors.statements import text_read

        statement = self.core if backend.placeholders == "sqlalchemy" else self.orm
        if statement is None:
            return text_read(self.text.named, self.text.bind_names)
        names = tuple(name[1:] for name in self.text.parameters)
        collections = statement is self.orm and self.orm_streamed is not None
        return StatementRead(statement, names, collections)

    def streamed(self, backend: AnyBackend) -> Any:
        """Return the read in the form that the accessors of this backend can stream."""
        streamable = self if self.orm_streamed is None else replace(self, orm=self.orm_streamed)
        return replace(streamable, orm_streamed=None).native(backend)

    @property
    def without_rows(self) -> "Forms":
        """The same statements for no rows."""
        return self.first(0)

    def first(self, rows: int) -> "Forms":
        """Return the same statements for so many of their rows."""
        return replace(
            self,
            text=self.text.wrapped("SELECT * FROM", f"AS first LIMIT {rows}"),
            core=None if self.core is None else self.core.limit(rows),
            orm=None if self.orm is None else self.orm.limit(rows),
            orm_streamed=None if self.orm_streamed is None else self.orm_streamed.limit(rows),
        )

    @property
    def failing(self) -> "Forms":
        """The same statements with one more parameter, the row at which they fail, from 1.

        PostgreSQL does not merge a subquery that numbers rows with the query around it. So rows are
        numbered first, and the division by zero happens row by row while they are sent.
        """
        place = len(self.text.parameters)
        named = self.core is not None or self.orm is not None
        text = self.text.wrapped(
            "SELECT * FROM (SELECT r.*, row_number() OVER () AS gatherbench_row FROM",
            "AS r) AS r WHERE 1 / (",
        )
        text = SqlText(
            (*text.pieces, place, "::bigint - r.gatherbench_row) IS NOT NULL"),
            (*text.parameters, f":{FAILING_ROW}" if named else f"${place + 1}"),
        )
        return Forms(
            text,
            None if self.core is None else _failing(self.core, of_class=False),
            None if self.orm is None else _failing(self.orm, of_class=True),
        )


def _failing(statement: Any, *, of_class: bool) -> Any:
    """Return the statement of SQLAlchemy with a division by zero at the row `FAILING_ROW`."""
    from sqlalchemy import BigInteger, bindparam, func, select
    from sqlalchemy.orm import aliased, lazyload

    rows = statement.subquery()
    number = func.row_number().over().label("gatherbench_row")
    numbered = select(rows, number).subquery()
    chosen = select(numbered)
    if of_class:  # joins of the mapping are left out: they might be sorted after all divisions
        entity = statement.column_descriptions[0]["entity"]
        chosen = select(aliased(entity, numbered)).options(lazyload("*"))
    at = bindparam(FAILING_ROW, type_=BigInteger)
    return chosen.where((1 / (at - numbered.c.gatherbench_row)).is_not(None))


def forms_of(read: "Read") -> Forms:
    """Return the forms of a declared read.

    Raises `UsageError` for SQL text that cannot be read, and what SQLAlchemy raises for a statement
    that it cannot compile.
    """
    text = read.sql if read.sql is not None else _compiled(read.core, read.orm)
    # Core makes a text() of the text by itself, in a form that it can stream.
    core = None if is_text(read.core) else read.core
    return Forms(SqlText.parse(text), core, read.orm, read.orm_streamed, read.as_dict, read.rows_in)


def is_text(statement: object) -> bool:
    """Return whether a statement is a plain `text()` of SQLAlchemy."""
    if statement is None:  # SQLAlchemy is imported for those who use it
        return False
    from sqlalchemy import TextClause

    return isinstance(statement, TextClause)


def has_types(text: Any) -> bool:
    """Return whether a parameter of a `text()` has a value or a type, by `bindparams()`."""
    from sqlalchemy.types import NullType

    return any(type(bind.type) is not NullType for bind in text._bindparams.values())


def is_select(statement: object) -> bool:
    """Return whether a statement is a `select()`, or a union of some: it can be limited."""
    from sqlalchemy.sql.selectable import GenerativeSelect

    return isinstance(statement, GenerativeSelect)


def _compiled(core: Any, orm: Any) -> str:
    """Return the SQL text of a statement with `:name` for its parameters, constants written out."""
    from sqlalchemy.dialects import postgresql

    statement = core if core is not None else orm
    dialect: Any = postgresql.dialect
    compiled = statement.compile(
        dialect=dialect(paramstyle="named"),
        compile_kwargs={"render_postcompile": True},
    )
    constants: dict[str, str] = {
        name: compiled.render_literal_value(compiled.params[name], bind.type)
        for name, bind in compiled.binds.items()
        if not bind.required and name in compiled.params
    }

    def written(found: "re.Match[str]") -> str:
        return constants.get(found[1], found[0])

    return re.sub(r"(?<![:\w]):(\w+)", written, str(compiled))


def entity_values(rows: list[Any], columns: list[str]) -> list[tuple[Any, ...]]:
    """Return the values of mapped objects in the order of these columns of their table.

    Raises `ValueError` if the class does not map one of the columns.
    """
    if not rows:
        return []
    from sqlalchemy import inspect

    mapper = inspect(type(rows[0]), raiseerr=False)
    if mapper is None:  # a select() of one column
        return [(row,) for row in rows]
    names = {column.name: mapper.get_property_by_column(column).key for column in mapper.columns}
    if missing := [name for name in columns if name not in names]:
        raise ValueError(f"{type(rows[0]).__name__} maps no column {missing[0]}")
    keys = [names[name] for name in columns]
    return [tuple(getattr(row, key) for key in keys) for row in rows]
