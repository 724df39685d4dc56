"""Dates with a given number of rows between them: arguments of `get_orders_between_dates`."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from accessors.sql import SCHEMA
from bench.model.errors import BenchError

if TYPE_CHECKING:
    import psycopg

# A window from just after one order to a later order, between which the running sum of rows grows
# by exactly the given number.
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
    """Return the earliest `after` and `before` between which orders join lines to `rows` rows.

    Raises `BenchError` if there are too few rows.
    """
    dates: tuple[datetime, datetime] | None = connection.execute(_WINDOW, [rows]).fetchone()
    if dates is None:
        raise BenchError(f"there are no dates with {rows:,} rows between: choose a larger --scale.")
    return dates
