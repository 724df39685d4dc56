"""The null backends, one per mode: they answer from memory and show the overhead of the harness.

They answer as a database would that holds only the sample rows, also for unknown ids. A write
returns the next number, and nothing is kept. The async backend yields to the event loop once per
operation, as a backend does that waits for a server. Otherwise the first task would run alone
until the deadline.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any

from accessors import sample
from accessors.api import Accessor, AsyncAccessor, AsyncBackend, Backend, Line, Rows, Target
from accessors.rows import FlatCustomers, FlatOrders
from accessors.sql import Reads

Read = Callable[..., Any]

_addresses = {row[0]: row for row in sample.ADDRESSES}
_items = {row[0]: row for row in sample.ITEMS}
_customers = {row[0]: row for row in sample.CUSTOMERS}


def _lines_of(order_id: int) -> list[tuple[Any, ...]]:
    return sorted(line + _items[line[1]] for line in sample.ORDER_ITEMS if line[0] == order_id)


_customer_rows = [customer + _addresses[customer[2]] for customer in sample.CUSTOMERS]
_order_rows = [
    order + _customers[order[1]] + line
    for order in sample.ORDERS
    for line in _lines_of(order[0]) or [(None,) * 7]
]
_orders_of_customer = {
    customer_id: [row for row in _order_rows if row[1] == customer_id] for customer_id in _customers
}
_total_costs: dict[int, Decimal] = {}
for _order_id, _item_id, _quantity in sample.ORDER_ITEMS:
    _total_costs[_order_id] = _total_costs.get(_order_id, 0) + _items[_item_id][2] * _quantity


def _orders_between(after: datetime, before: datetime) -> Rows:
    return [row for row in _order_rows if after <= row[2] <= before]


READS: Reads[Read] = Reads(
    customers=lambda: _customer_rows,
    first_customers=lambda first: _customer_rows[:first],
    orders_of_customer=lambda customer_id: _orders_of_customer.get(customer_id, []),
    total_cost_of_an_order=_total_costs.get,
    orders_between_dates=_orders_between,
)

SHAPES = {
    "get_customers": FlatCustomers,
    "get_orders_of_customer": FlatOrders,
    "get_orders_between_dates": FlatOrders,
}
CARD = {
    "rows": "tuple",
    "pool": "none",
    "prepared": "nothing to prepare",
    "default_batch": "all rows",
    "writes": "numbered, not kept",
}


def _batches(rows: Rows, batch_size: int | None) -> Iterator[Rows]:
    size = batch_size or max(1, len(rows))
    return (rows[start : start + size] for start in range(0, len(rows), size))


class NullAccessor(Accessor):
    reads = streamed_reads = READS

    def __init__(self, order_ids: Iterator[int]) -> None:
        self._order_ids = order_ids

    def fetch_all(self, read: Read, *arguments: Any) -> Rows:
        rows: Rows = read(*arguments)
        return rows

    def fetch_value(self, read: Read, *arguments: Any) -> Any:
        return read(*arguments)

    @contextmanager
    def stream(
        self, read: Read, *arguments: Any, batch_size: int | None = None
    ) -> Iterator[Iterator[Any]]:
        yield iter(read(*arguments))

    @contextmanager
    def stream_batches(
        self, read: Read, *arguments: Any, batch_size: int | None = None
    ) -> Iterator[Iterator[Rows]]:
        yield _batches(read(*arguments), batch_size)

    def insert_order_items(self, order_id: int, items: Sequence[Line]) -> None:
        return None

    def add_new_order_for_customer(self, customer_id: int, items: Sequence[Line]) -> int:
        return next(self._order_ids)


class Null(Backend):
    name = driver = layer = "null"
    shapes = SHAPES
    card = CARD
    in_memory = True

    @contextmanager
    def open(self, target: Target) -> Iterator[None]:
        self._order_ids = count(len(sample.ORDERS) + 1)
        yield

    @contextmanager
    def accessor(self) -> Iterator[Accessor]:
        yield NullAccessor(self._order_ids)


class AsyncNullAccessor(AsyncAccessor):
    reads = streamed_reads = READS

    def __init__(self, order_ids: Iterator[int]) -> None:
        self._order_ids = order_ids

    async def fetch_all(self, read: Read, *arguments: Any) -> Rows:
        await asyncio.sleep(0)
        rows: Rows = read(*arguments)
        return rows

    async def fetch_value(self, read: Read, *arguments: Any) -> Any:
        await asyncio.sleep(0)
        return read(*arguments)

    @asynccontextmanager
    async def stream(
        self, read: Read, *arguments: Any, batch_size: int | None = None
    ) -> AsyncIterator[AsyncIterator[Any]]:
        await asyncio.sleep(0)
        yield _iterated(iter(read(*arguments)))

    @asynccontextmanager
    async def stream_batches(
        self, read: Read, *arguments: Any, batch_size: int | None = None
    ) -> AsyncIterator[AsyncIterator[Rows]]:
        await asyncio.sleep(0)
        yield _iterated(_batches(read(*arguments), batch_size))

    async def insert_order_items(self, order_id: int, items: Sequence[Line]) -> None:
        await asyncio.sleep(0)

    async def add_new_order_for_customer(self, customer_id: int, items: Sequence[Line]) -> int:
        await asyncio.sleep(0)
        return next(self._order_ids)


async def _iterated(rows: Iterator[Any]) -> AsyncIterator[Any]:
    for row in rows:
        yield row


class AsyncNull(AsyncBackend):
    name = "null-async"
    driver = layer = "null"
    shapes = SHAPES
    card = CARD
    in_memory = True

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[None]:
        self._order_ids = count(len(sample.ORDERS) + 1)
        yield

    @asynccontextmanager
    async def accessor(self) -> AsyncIterator[AsyncAccessor]:
        yield AsyncNullAccessor(self._order_ids)


BACKENDS = (Null(), AsyncNull())
