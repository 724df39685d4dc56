"""The right answers. The server gives them as JSON, by statements that no accessor uses."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from accessors.sql import SCHEMA
from bench.model.dataset import Dataset, date_range
from bench.model.workload import Operation

if TYPE_CHECKING:
    import psycopg

_CUSTOMERS = f"""
SELECT json_build_object('name', c.name, 'address', (
    SELECT json_build_object('flat_number', flat_number, 'post_code', post_code)
    FROM {SCHEMA}.address a WHERE a.id = c.address_id))
FROM {SCHEMA}.customer c WHERE {{}} ORDER BY c.id"""

_ORDERS = f"""
SELECT json_build_object(
    'order_id', o.id,
    'customer_name', (SELECT name FROM {SCHEMA}.customer c WHERE c.id = o.customer_id),
    'order_time', to_char(o.order_time, '"timestamp "YYYY-MM-DD"T"HH24:MI:SS.US'),
    'items', (
        SELECT coalesce(json_agg(json_build_object(
            'name', i.name, 'price', 'numeric ' || trim_scale(i.price), 'quantity', l.quantity,
            'total', 'numeric ' || trim_scale(i.price * l.quantity)) ORDER BY l.item_id), '[]')
        FROM {SCHEMA}.order_items l, {SCHEMA}.item i
        WHERE l.order_id = o.id AND i.id = l.item_id))
FROM {SCHEMA}.orders o WHERE {{}} ORDER BY o.id"""

_ANSWERS = {
    "get_customers": _CUSTOMERS.format("c.id <= coalesce(%s, c.id)"),
    "get_orders_of_customer": _ORDERS.format("o.customer_id = %s"),
    "get_orders_between_dates": _ORDERS.format("o.order_time >= %s AND o.order_time <= %s"),
    "get_total_cost_of_an_order": f"""
SELECT to_json('numeric ' || trim_scale(sum(
    l.quantity * (SELECT price FROM {SCHEMA}.item i WHERE i.id = l.item_id))))
FROM {SCHEMA}.order_items l WHERE l.order_id = %s""",
}


@dataclass(frozen=True)
class Expectation:
    """An operation, and its right answer in canonical text: a line for each dict or value."""

    operation: Operation
    lines: list[str]


def operations(dataset: Dataset) -> list[Operation]:
    """Return the reads to compare: the sample, unknown ids, some generated rows, and many rows."""
    first, last = date_range(dataset)
    middle = first + (last - first) / 2
    orders = (1, 2, 3, 4, dataset.orders, dataset.orders + 1, *range(1_000, dataset.orders, 9_973))
    customers = (1, 2, 3, dataset.customers, dataset.customers + 1, *range(4, 24))
    many = dataset.customers // dataset.more_customers
    dates = (
        (datetime(2024, 3, 18, 10, 30), datetime(2024, 3, 25, 15)),
        (last, first),
        (middle, middle + timedelta(days=7)),
    )
    return [
        Operation("get_customers", () if many == dataset.customers else (many,)),
        *(Operation("get_total_cost_of_an_order", (order,)) for order in orders),
        *(Operation("get_orders_of_customer", (customer,)) for customer in customers),
        *(Operation("get_orders_between_dates", days) for days in dates),
    ]


def ask(connection: "psycopg.Connection[Any]", operation: Operation) -> Expectation:
    """Return the right answer to an operation, from the rows as they are now."""
    rows = connection.execute(
        f"SELECT answer::text FROM ({_ANSWERS[operation.function]}) AS answers (answer)",
        operation.arguments or ([None] if operation.function == "get_customers" else []),
    ).fetchall()
    values = (None if text is None else json.loads(text) for (text,) in rows)
    return Expectation(operation, [canonical(value) for value in values])


def canonical(value: Any) -> str:
    """Return the text of a value, the same for every library. A float differs from a numeric."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=_tagged)


def _tagged(value: Any) -> str:
    match value:
        case Decimal():
            return f"numeric {value.normalize():f}"
        case datetime():
            return f"timestamp {value.isoformat(timespec='microseconds')}"
        case _:
            return f"{type(value).__name__} {value!r}"
