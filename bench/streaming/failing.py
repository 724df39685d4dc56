"""A read that fails late: what it gave before tells a stream from a buffer, without a clock.

The customers as `get_customers` has them, and a division by zero at one of them. The division
stands outside a subquery with an OFFSET, which PostgreSQL does not merge with what is around it:
rows are sorted first and divided one by one as they are sent.
"""

from typing import Any

from sqlalchemy import BindParameter, bindparam, select
from sqlalchemy.orm import aliased, lazyload

from accessors import sql
from accessors.api import Accessor, AsyncAccessor
from accessors.models import Base, Customer
from accessors.statements import CORE, Read

_TEXT = f"""
SELECT * FROM ({sql.NUMBERED.customers} OFFSET 0)
AS c (id, name, address_id, address, flat_number, post_code)
WHERE 1 / ($1 - c.id) IS NOT NULL
"""

_AT: BindParameter[int] = bindparam("at")


def _core() -> Read:
    rows = CORE.customers.statement.offset(0).subquery()
    return Read(select(rows).where((1 / (_AT - rows.c.id)).is_not(None)), ("at",))


def _orm() -> Read:
    table = Base.metadata.tables[f"{sql.SCHEMA}.{Customer.__tablename__}"]
    customer = aliased(Customer, select(table).order_by(table.c.id).offset(0).subquery())
    # A join above the subquery might be sorted anew, after all rows were divided.
    without_address = select(customer).options(lazyload(customer.address))
    return Read(without_address.where((1 / (_AT - customer.id)).is_not(None)), ("at",))


def failing_read(accessor: Accessor | AsyncAccessor, layer: str) -> Any:
    """The read as this library writes reads; it takes the id of the customer to fail at.

    None where nobody told us how: a third party's own kind of statement.
    """
    reads = accessor.reads
    if isinstance(reads.customers, Read):
        return _orm() if layer == "orm" else _core()
    if reads == sql.NUMBERED:
        return _TEXT
    return sql.percent(_TEXT) if reads == sql.PERCENT else None
