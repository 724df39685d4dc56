"""How a library's own rows become plain dicts, and how many rows of the join they stand for.

A shape eats rows in portions of any size (`feed`), because a stream may cut an order in two, and
gives back each answer when it is complete; `finish` gives the last. One object serves one pass.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Answer = dict[str, Any]


class Shape(ABC):
    @abstractmethod
    def feed(self, rows: Iterable[Any]) -> list[Answer]:
        """Take these rows; return the answers that they complete, in order."""

    def finish(self) -> list[Answer]:
        """The answers that were waiting for more rows. Nothing may be fed afterwards."""
        return []

    count: Callable[[Sequence[Any]], int] = len
    """The rows of the joined result that these stand for: the unit of rows/s everywhere."""

    def dicts(self, rows: Iterable[Any]) -> list[Answer]:
        """All answers of a complete result."""
        return self.feed(rows) + self.finish()


class FlatCustomers(Shape):
    """Tuples with the columns of `sql.NUMBERED.customers`."""

    def feed(self, rows: Iterable[Any]) -> list[Answer]:
        return [
            {"name": name, "address": {"flat_number": flat_number, "post_code": post_code}}
            for _, name, _, _, flat_number, post_code in rows
        ]


class FlatOrders(Shape):
    """Tuples with the columns of `sql.NUMBERED.orders_...`: one a line, sorted by order."""

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
    """Mapped objects that say themselves how they read as a dict."""

    def feed(self, rows: Iterable[Any]) -> list[Answer]:
        return [row.as_dict() for row in rows]


class OrderEntities(Entities):
    """Mapped orders, each of which stands for as many joined rows as it has lines."""

    @staticmethod
    def count(rows: Sequence[Any]) -> int:
        return sum(len(order.order_items) or 1 for order in rows)
