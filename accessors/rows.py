"""Conversion of a library's own rows to plain dicts, and the count of the joined rows they hold.

A shape takes rows in portions of any size (`feed`), because a stream may divide an order between
two batches. It returns each answer when the answer is complete; `finish` returns the last. One
object converts one result.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Answer = dict[str, Any]


class Shape(ABC):
    """A converter from the rows of one library to plain dicts."""

    @abstractmethod
    def feed(self, rows: Iterable[Any]) -> list[Answer]:
        """Take these rows, and return the answers that they complete, in order."""

    def finish(self) -> list[Answer]:
        """Return the answers that still waited for more rows. Call `feed` no more afterwards."""
        return []

    count: Callable[[Sequence[Any]], int] = len
    """The number of rows of the joined result that these rows hold: the unit of every rows/s."""

    def dicts(self, rows: Iterable[Any]) -> list[Answer]:
        """Return all answers of a complete result."""
        return self.feed(rows) + self.finish()


class FlatCustomers(Shape):
    """Tuples with the columns of `sql.NUMBERED.customers`."""

    def feed(self, rows: Iterable[Any]) -> list[Answer]:
        return [
            {"name": name, "address": {"flat_number": flat_number, "post_code": post_code}}
            for _, name, _, _, flat_number, post_code in rows
        ]


class FlatOrders(Shape):
    """Tuples with the columns of `sql.NUMBERED.orders_...`: one per line, sorted by order."""

    def __init__(self) -> None:
        self._open: Answer | None = None

    def feed(self, rows: Iterable[Any]) -> list[Answer]:
        complete = []
        order = self._open
        for order_id, _, time, _, customer, _, _, _, quantity, item_id, name, price, _ in rows:
            if order is None or order["order_id"] != order_id:
                if order is not None:
                    complete.append(order)
                order = {
                    "order_id": order_id,
                    "customer_name": customer,
                    "order_time": time,
                    "items": [],
                }
            if item_id is not None:
                total = price * quantity
                order["items"].append(
                    {"name": name, "price": price, "quantity": quantity, "total": total}
                )
        self._open = order
        return complete

    def finish(self) -> list[Answer]:
        return [] if self._open is None else [self._open]


class Entities(Shape):
    """Mapped objects, which convert themselves to a dict (`as_dict`)."""

    def feed(self, rows: Iterable[Any]) -> list[Answer]:
        return [row.as_dict() for row in rows]


class OrderEntities(Entities):
    """Mapped orders. Each holds as many joined rows as it has lines, and at least one."""

    @staticmethod
    def count(rows: Sequence[Any]) -> int:
        return sum(len(order.order_items) or 1 for order in rows)
