"""The reads as SQLAlchemy statements. A statement has no mode, so both twins share these.

Each statement is built once. SQLAlchemy's compiled cache would also find a statement that is built
anew for every call, but each call would pay for the statement and for its cache key.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, TextualSelect, bindparam, func, insert, select, text
from sqlalchemy.orm import joinedload, selectinload
from sqlalchemy.sql.base import ExecutableOption

from accessors.api import Line
from accessors.models import Address, Base, Customer, Item, OrderItems, Orders
from accessors.sql import SCHEMA, Reads

Bind = Callable[..., dict[str, Any]]


def _binder(names: tuple[str, ...]) -> Bind:
    """Return the function from a value for each name to a dict of them.

    It is compiled, as dataclasses compile theirs: `dict(zip(names, values))` would add 3 % to a
    point read over asyncpg.
    """
    values = [f"value_{place}" for place in range(len(names))]
    pairs = (f"{name!r}: {value}" for name, value in zip(names, values, strict=True))
    bind: Bind = eval(f"lambda {', '.join(values)}: {{{', '.join(pairs)}}}")
    return bind


@dataclass(frozen=True)
class Read:
    """A statement, and the names of its parameters in the order in which callers give them."""

    statement: Select[Any] | TextualSelect
    parameters: tuple[str, ...] = ()
    collections: bool = False
    """True if the read joins a collection. Then each parent row comes once per member, and the ORM
    requires `unique()`."""
    bind: Bind = field(init=False, repr=False, compare=False)
    """The function from the arguments of a call to the dict of parameters that SQLAlchemy takes.
    Raises `TypeError` for another number of arguments."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "bind", _binder(self.parameters))


_address, _customer, _item, _orders, _lines = (
    Base.metadata.tables[f"{SCHEMA}.{model.__tablename__}"]
    for model in (Address, Customer, Item, Orders, OrderItems)
)

_core_orders = (
    select(*_orders.c, *_customer.c, *_lines.c, *_item.c)
    .join(_customer, _customer.c.id == _orders.c.customer_id)
    .outerjoin(_lines, _lines.c.order_id == _orders.c.id)
    .outerjoin(_item, _item.c.id == _lines.c.item_id)
    .order_by(_orders.c.id, _lines.c.item_id)
)

TOTAL_COST = (
    select(func.sum(Item.price * OrderItems.quantity))
    .join(OrderItems.item)
    .where(OrderItems.order_id == bindparam("order_id"))
)
"""The statement of the point read. Accessors call it without `fetch_value`, whose further calls
would add 1.4 % to a point read of Core over asyncpg."""
_total_cost = Read(TOTAL_COST, ("order_id",))

_core_customers = (
    select(*_customer.c, *_address.c)
    .join(_address, _address.c.id == _customer.c.address_id)
    .order_by(_customer.c.id)
)

CORE = Reads(
    customers=Read(_core_customers),
    first_customers=Read(_core_customers.where(_customer.c.id <= bindparam("first")), ("first",)),
    orders_of_customer=Read(
        _core_orders.where(_orders.c.customer_id == bindparam("customer_id")), ("customer_id",)
    ),
    total_cost_of_an_order=_total_cost,
    orders_between_dates=Read(
        _core_orders.where(_orders.c.order_time.between(bindparam("after"), bindparam("before"))),
        ("after", "before"),
    ),
)


def _orm(lines: ExecutableOption, *, collections: bool) -> Reads[Read]:
    """Return the ORM's reads. `lines`: the loader option for the lines of an order."""
    # An order's answer names its customer without the address. This option avoids a third join.
    no_address = joinedload(Orders.customer).lazyload(Customer.address)
    orders = select(Orders).options(no_address, lines).order_by(Orders.id)
    customers = select(Customer).order_by(Customer.id)
    return Reads(
        customers=Read(customers),
        first_customers=Read(customers.where(Customer.id <= bindparam("first")), ("first",)),
        orders_of_customer=Read(
            orders.where(Orders.customer_id == bindparam("customer_id")),
            ("customer_id",),
            collections,
        ),
        total_cost_of_an_order=_total_cost,
        orders_between_dates=Read(
            orders.where(Orders.order_time.between(bindparam("after"), bindparam("before"))),
            ("after", "before"),
            collections,
        ),
    )


ORM = _orm(joinedload(Orders.order_items).joinedload(OrderItems.item), collections=True)
"""One statement per read: the same round trips and rows as all other libraries."""

ORM_STREAMED = _orm(selectinload(Orders.order_items).joinedload(OrderItems.item), collections=False)
"""The reads for streams. A joined collection can't stream (`yield_per` refuses it), so the lines
are read by a further statement for each batch of orders.
https://docs.sqlalchemy.org/en/20/orm/queryguide/api.html#orm-queryguide-yield-per
"""

INSERT_ORDER = insert(_orders).returning(_orders.c.id)
INSERT_LINES = insert(_lines)

READ_COMMITTED = "READ COMMITTED"
"""PostgreSQL's default level. A session that reads in autocommit uses it for a transaction."""


def lines_of(order_id: int, items: Sequence[Line]) -> list[dict[str, int]]:
    """Return the parameters of `INSERT_LINES`."""
    return [
        {"order_id": order_id, "item_id": item_id, "quantity": quantity}
        for item_id, quantity in items
    ]


def text_read(sql: str, parameters: tuple[str, ...]) -> Read:
    """Return the read of a statement in SQL text, with `:name` for each of its parameters.

    `text()` alone ignores `yield_per`: its batches would be the whole answer. With `columns()` it
    is a select, which heeds it.
    """
    return Read(text(sql).columns(), parameters)


def stream_options(batch_size: int | None) -> dict[str, Any]:
    """Return the execution options of a stream; without a batch size, SQLAlchemy's default."""
    options: dict[str, Any] = {"stream_results": True}
    return options if batch_size is None else options | {"yield_per": batch_size}
