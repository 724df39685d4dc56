"""The declaration of your own workloads: reads as data, and mixes of them by weight.

    from bench.workloads import Read, Workload

    order = Read("order", sql="SELECT * FROM orders WHERE id = :id", arguments="1..1000")
    recent = Read("recent", sql="SELECT * FROM orders ORDER BY id DESC LIMIT 20")
    shop = Workload("shop", {order: 6, recent: 1})

A file with such declarations is measured by `bench run --workload-file shop.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Select

__all__ = ["Read", "Workload"]


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
    core: "Select[Any] | None" = None
    """A `select()` of columns, with `bindparam("name")` for each parameter."""
    orm: "Select[Any] | None" = None
    """A `select()` of one mapped class, with `bindparam("name")` for each parameter."""
    arguments: str | Sequence[Sequence[Any]] = ()
    """The candidates for the parameters, in the order of their first use in the text: a query, a
    CSV file or a range as in `bench query --arguments`, or a list of tuples."""


@dataclass(frozen=True, eq=False)
class Workload:
    """A mix of reads."""

    name: str
    reads: Mapping[Read, int]
    """Read -> its weight: operations of 6 and of 1 come six to one, in a seeded order."""
    description: str = ""
