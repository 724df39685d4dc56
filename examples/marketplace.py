"""The six built-in functions, declared by the public API.

    bench run --workload-file examples/marketplace.py
    bench run --workload-file examples/marketplace.py --workload orders-of-customer --fetch streamed

The statements, the mapped classes and the writes are those of `accessors`. The database is the
embedded one, with the rows that a workload file reads without --database-url.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import asyncpg
import psycopg
import psycopg2.extensions
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Session

from accessors import sql, statements
from accessors.aio.asyncpg import AsyncpgAccessor
from accessors.aio.core import AsyncCoreAccessor
from accessors.aio.orm import AsyncOrmAccessor
from accessors.aio.psycopg import AsyncPsycopgAccessor
from accessors.rows import FlatCustomers, FlatOrders, OrderEntities
from accessors.sync.core import CoreAccessor
from accessors.sync.orm import OrmAccessor
from accessors.sync.psycopg import PsycopgAccessor
from accessors.sync.psycopg2 import Psycopg2Accessor
from bench.dataset.loading import ensure, restore
from bench.model.dataset import Dataset, date_range
from bench.workloads import Read, Unit, Workload

DATASET = Dataset(0.5)
Lines = tuple[tuple[int, int], ...]


def named(name: str) -> str:
    """Return a statement of `accessors.sql` with the names of its parameters in place of $1, $2."""
    text = getattr(sql.NUMBERED, name)
    names = getattr(statements.CORE, name).parameters
    return re.sub(r"\$(\d+)", lambda found: f":{names[int(found[1]) - 1]}", text)


def forms(name: str) -> dict[str, Any]:
    """Return the forms of a read of `accessors`."""
    orm, streamed = getattr(statements.ORM, name), getattr(statements.ORM_STREAMED, name)
    return {
        "sql": named(name),
        "core": getattr(statements.CORE, name).statement,
        "orm": orm.statement,
        "orm_streamed": streamed.statement if orm.collections else None,
    }


def days(random: Random) -> tuple[datetime, datetime]:
    """Draw 30 days among those of all orders."""
    first, last = date_range(DATASET)
    window = timedelta(days=30)
    after = first + (last - first - window) * random.random()
    return after, after + window


def lines_of(order: Any) -> int:
    """Return the number of rows of the join for which a mapped order stands."""
    return OrderEntities.count([order])


def customers_as_dicts(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Return a dict for each customer."""
    return FlatCustomers().dicts(rows)


def orders_as_dicts(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Return a dict for each order, with its lines."""
    return FlatOrders().dicts(rows)


customers = Read("customers", **forms("customers"), as_dict=customers_as_dicts)
orders_of_customer = Read(
    "orders-of-customer",
    **forms("orders_of_customer"),
    arguments=f"1..{DATASET.customers}",
    as_dict=orders_as_dicts,
    rows_in=lines_of,
)
total_cost = Read("total-cost", **forms("total_cost_of_an_order"), arguments=f"1..{DATASET.orders}")
orders_between_dates = Read(
    "orders-between-dates",
    **forms("orders_between_dates"),
    arguments=days,
    as_dict=orders_as_dicts,
    rows_in=lines_of,
)


def draw_lines(random: Random, items: range) -> Lines:
    """Draw one to five lines of an order."""
    chosen = random.sample(items, random.randint(1, 5))
    return tuple((item, random.randint(1, 5)) for item in chosen)


def a_new_order(random: Random) -> tuple[int, Lines]:
    """Draw a customer, and the lines of an order."""
    return random.randint(1, DATASET.customers), draw_lines(random, range(1, DATASET.items + 1))


def new_lines(random: Random) -> Iterator[tuple[int, Lines]]:
    """Yield every order once, with lines of items that are in no order."""
    for order in range(1, DATASET.orders + 1):
        yield order, draw_lines(random, DATASET.unordered_items[:5])


def write(function: str) -> list[Callable[..., Any]]:
    """Return the accessors' own function of this name for each kind of session."""

    def orm(session: Session, first: int, items: Lines) -> Any:
        return getattr(OrmAccessor(session, autocommit=False), function)(first, items)

    async def orm_async(session: AsyncSession, first: int, items: Lines) -> Any:
        return await getattr(AsyncOrmAccessor(session, autocommit=False), function)(first, items)

    def core(connection: Connection, first: int, items: Lines) -> Any:
        return getattr(CoreAccessor(connection, autocommit=False), function)(first, items)

    async def core_async(connection: AsyncConnection, first: int, items: Lines) -> Any:
        accessor = AsyncCoreAccessor(connection, autocommit=False)
        return await getattr(accessor, function)(first, items)

    def by_psycopg2(connection: psycopg2.extensions.connection, first: int, items: Lines) -> Any:
        return getattr(Psycopg2Accessor(connection), function)(first, items)

    def by_psycopg(connection: psycopg.Connection[Any], first: int, items: Lines) -> Any:
        return getattr(PsycopgAccessor(connection), function)(first, items)

    async def by_psycopg_async(
        connection: psycopg.AsyncConnection[Any], first: int, items: Lines
    ) -> Any:
        return await getattr(AsyncPsycopgAccessor(connection), function)(first, items)

    async def by_asyncpg(connection: asyncpg.Connection, first: int, items: Lines) -> Any:
        accessor = AsyncpgAccessor(connection)  # type: ignore[arg-type]
        return await getattr(accessor, function)(first, items)

    return [
        *(orm, core, by_psycopg2, by_psycopg),
        *(orm_async, core_async, by_psycopg_async, by_asyncpg),
    ]


add_order = Unit("add-order", *write("add_new_order_for_customer"), arguments=a_new_order)
insert_lines = Unit("insert-lines", *write("insert_order_items"), arguments=new_lines)

writes: dict[str, Any] = {
    "setup": partial(ensure, dataset=DATASET),
    "restore": partial(restore, dataset=DATASET),
}

all_customers = Workload("all-customers", {customers: 1})
customer = Workload("customer", {orders_of_customer: 1})
total = Workload("total", {total_cost: 1})
month = Workload("month", {orders_between_dates: 1})
new_order = Workload("new-order", {add_order: 1}, **writes)
more_lines = Workload("more-lines", {insert_lines: 1}, **writes)
shop = Workload("shop", {orders_of_customer: 6, total_cost: 3, add_order: 1}, **writes)
