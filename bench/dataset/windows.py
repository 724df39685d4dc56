"""Dates between which there are so many rows: arguments of `get_orders_between_dates`."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from accessors.sql import SCHEMA
from bench.model.errors import BenchError

if TYPE_CHECKING:
    import psycopg

# From just after one order to a later one, so that the running sum of rows grows by just so much.
_WINDOW = f"""
WITH orders AS (
    SELECT o.order_time, sum(greatest(lines.amount, 1)) OVER (ORDER BY o.order_time) AS rows
    FROM {SCHEMA}.orders o
    CROSS JOIN LATERAL (
        SELECT count(*) AS amount FROM {SCHEMA}.order_items l WHERE l.order_id = o.id
    ) AS lines
)
SELECT first.order_time + interval '1 microsecond', last.order_time
FROM orders AS first JOIN orders AS last ON last.rows = first.rows + %s
ORDER BY first.order_time LIMIT 1
"""


def window(connection: "psycopg.Connection[Any]", rows: int) -> tuple[datetime, datetime]:
    """The earliest `after` and `before` between which orders and their lines join to `rows` rows.

    Raises `BenchError` where there are too few.
    """
    found: tuple[datetime, datetime] | None = connection.execute(_WINDOW, [rows]).fetchone()
    if found is None:
        raise BenchError(f"there are no dates with {rows:,} rows between: choose a larger --scale.")
    return found
