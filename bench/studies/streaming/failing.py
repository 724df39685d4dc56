"""A read that fails late. Its rows before the failure tell a stream from a buffer, without a clock.

It is a function's own read with numbered rows, and a division by zero at one of them. PostgreSQL
does not merge a subquery that numbers rows with the query around it. So the rows are sorted and
numbered first, and the division happens row by row while they are sent.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import BindParameter, Select, bindparam, func, select
from sqlalchemy.orm import aliased, lazyload, selectinload

from accessors import sql
from accessors.api import Accessor, AsyncAccessor
from accessors.models import Base, Customer, OrderItems, Orders
from accessors.statements import Read

_AT: BindParameter[int] = bindparam("at")


def failing_read(accessor: Accessor | AsyncAccessor, layer: str, function: str) -> Any:
    """Return the failing read as this library writes reads.

    Its last argument is the row to fail at, from 1. Rows are those that the library gives: lines of
    the join, or the ORM's objects. Return None for a statement of an unknown kind, from a backend
    that is not built in.
    """
    name = function.removeprefix("get_")
    read = getattr(accessor.reads, name)
    if isinstance(read, Read):
        return _ORM[name]() if layer == "orm" else _core(read)
    text = _text(getattr(sql.NUMBERED, name))
    if accessor.reads == sql.NUMBERED:
        return text
    return sql.percent(text) if accessor.reads == sql.PERCENT else None


def _text(read: str) -> str:
    at = read.count("$") + 1
    return f"""
SELECT * FROM (SELECT r.*, row_number() OVER () AS number FROM ({read}) AS r) AS r
WHERE 1 / (${at} - r.number) IS NOT NULL
"""


def _core(read: Read) -> Read:
    rows = read.statement.subquery()
    numbered = select(rows, func.row_number().over().label("number")).subquery()
    return _failing(select(numbered), numbered.c.number, read.parameters)


def _failing(rows: Select[Any], number: Any, parameters: tuple[str, ...] = ()) -> Read:
    return Read(rows.where((1 / (_AT - number)).is_not(None)), (*parameters, "at"))


# PostgreSQL might sort a join of the numbered rows again, after all divisions. So the joins of the
# mapping are left out, and their columns are never used.


def _orm_customers() -> Read:
    numbered = _numbered(Customer).subquery()
    customer = aliased(Customer, numbered)
    rows = select(customer).options(lazyload(customer.address))
    return _failing(rows, numbered.c.number)


def _orm_orders_between_dates() -> Read:
    between = Orders.order_time.between(bindparam("after"), bindparam("before"))
    numbered = _numbered(Orders).where(between).subquery()
    order = aliased(Orders, numbered)
    rows = select(order).options(
        lazyload(order.customer), selectinload(order.order_items).joinedload(OrderItems.item)
    )
    return _failing(rows, numbered.c.number, ("after", "before"))


def _numbered(model: type[Base]) -> Select[Any]:
    """Return the columns of a model and a row number, in the order of its ids."""
    table = Base.metadata.tables[f"{sql.SCHEMA}.{model.__tablename__}"]
    number = func.row_number().over(order_by=table.c.id).label("number")
    return select(table, number).order_by(table.c.id)


_ORM: dict[str, Callable[[], Read]] = {
    "customers": _orm_customers,
    "orders_between_dates": _orm_orders_between_dates,
}
