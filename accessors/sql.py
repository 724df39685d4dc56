"""The statements as SQL text, for the bare drivers.

Each read selects the columns of the mapped classes, the same for every library, so that all
libraries move the same bytes. A test compares them with the ORM's own statements.
"""

import re
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

SCHEMA = "gatherbench"
"""The schema of all that we create in a database. Every statement names it."""

Statement = TypeVar("Statement")


@dataclass(frozen=True)
class Reads(Generic[Statement]):
    """The four reads of the marketplace, as one library writes them."""

    customers: Statement
    first_customers: Statement
    """The customers with an id up to a parameter: a result of any size."""
    orders_of_customer: Statement
    total_cost_of_an_order: Statement
    orders_between_dates: Statement

    def of_customers(self, first: int | None) -> tuple[Any, ...]:
        """Return the read of all customers, or of the ids up to `first`, and its arguments."""
        return (self.customers,) if first is None else (self.first_customers, first)


_CUSTOMERS = f"""
SELECT c.id, c.name, c.address_id, a.id, a.flat_number, a.post_code
FROM {SCHEMA}.customer c
JOIN {SCHEMA}.address a ON a.id = c.address_id
"""

_ORDERS = f"""
SELECT o.id, o.customer_id, o.order_time, c.id, c.name, c.address_id,
       l.order_id, l.item_id, l.quantity, i.id, i.name, i.price, i.description
FROM {SCHEMA}.orders o
JOIN {SCHEMA}.customer c ON c.id = o.customer_id
LEFT JOIN {SCHEMA}.order_items l ON l.order_id = o.id
LEFT JOIN {SCHEMA}.item i ON i.id = l.item_id
"""

NUMBERED = Reads(
    customers=f"{_CUSTOMERS}ORDER BY c.id\n",
    first_customers=f"{_CUSTOMERS}WHERE c.id <= $1\nORDER BY c.id\n",
    orders_of_customer=f"{_ORDERS}WHERE o.customer_id = $1\nORDER BY o.id, l.item_id\n",
    total_cost_of_an_order=f"""
SELECT sum(i.price * l.quantity)
FROM {SCHEMA}.order_items l
JOIN {SCHEMA}.item i ON i.id = l.item_id
WHERE l.order_id = $1
""",
    orders_between_dates=(
        f"{_ORDERS}WHERE o.order_time BETWEEN $1 AND $2\nORDER BY o.id, l.item_id\n"
    ),
)
"""The reads with PostgreSQL's own parameters: $1, $2."""

INSERT_ORDER = f"INSERT INTO {SCHEMA}.orders (customer_id) VALUES ($1) RETURNING id"
INSERT_LINE = f"INSERT INTO {SCHEMA}.order_items (order_id, item_id, quantity) VALUES ($1, $2, $3)"


def percent(statement: str) -> str:
    """Return the statement with `%s` for each `$n`, as psycopg2 and psycopg need it.

    Only for statements that use each parameter once and in order.
    """
    return re.sub(r"\$\d+", "%s", statement)


PERCENT = Reads(
    customers=percent(NUMBERED.customers),
    first_customers=percent(NUMBERED.first_customers),
    orders_of_customer=percent(NUMBERED.orders_of_customer),
    total_cost_of_an_order=percent(NUMBERED.total_cost_of_an_order),
    orders_between_dates=percent(NUMBERED.orders_between_dates),
)
"""The reads with %s parameters."""
