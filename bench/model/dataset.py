"""The dataset: a seed and a scale, and all that follows from them without a server."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from accessors import sample
from bench.model.draws import key, mix
from bench.model.errors import UsageError

SMALLEST_SCALE = 0.001
LARGEST_SCALE = 100.0

UNORDERED = 100
"""So many items, the last, are in no order: the write workloads add lines with them."""

FIRST_DAY = datetime(2024, 4, 2)
DAYS = 730
"""Generated orders are placed on so many days, from `FIRST_DAY` on."""

FIRST_ORDER = len(sample.ORDERS) + 1
"""The id of the first generated order; those before it are the sample's."""


@dataclass(frozen=True)
class Dataset:
    """A seed and a scale: they alone say which rows there are, the sample first.

    Customers, addresses and orders grow with the scale. Items grow with its square root, as a
    shop's catalogue grows more slowly than its crowd, from at least 200, so that the smallest
    dataset still has some to order.
    """

    scale: float = 1.0
    seed: int = 1
    more_customers: int = 1
    """How many times the scale's customers: one large result without ten times the orders."""

    def __post_init__(self) -> None:
        if not SMALLEST_SCALE <= self.scale <= LARGEST_SCALE:  # a nan is refused too
            raise UsageError(
                f"--scale {self.scale:g} makes no useful rows.\n"
                f"Choose one from {SMALLEST_SCALE:g} to {LARGEST_SCALE:g}; 1 is 50,000 orders."
            )
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed {self.seed} is not from 0 to {2**32 - 1}.")

    @property
    def customers(self) -> int:
        return round(10_000 * self.scale) * self.more_customers

    @property
    def orders(self) -> int:
        return round(50_000 * self.scale)

    @property
    def items(self) -> int:
        return max(2 * UNORDERED, round(1_000 * math.sqrt(self.scale)))

    @property
    def ordered_items(self) -> int:
        """The last id of the items that generated orders draw from, the first being 1."""
        return self.items - UNORDERED

    @property
    def unordered_items(self) -> range:
        """The ids of the items that are in no order: free for a workload to add to any."""
        return range(self.ordered_items + 1, self.items + 1)


def order_time(dataset: Dataset, order_id: int) -> datetime:
    """When a generated order was placed; the same formula as in the server.

    The days follow the ids evenly. Within its day an order falls where two draws add up to, most
    of them around noon: at ten microseconds a step, two 32-bit draws fill 23.9 hours.
    """
    row = order_id - FIRST_ORDER
    day = row * DAYS // (dataset.orders - len(sample.ORDERS))
    steps = sum(
        mix(order_id ^ key(dataset.seed, purpose)) for purpose in ("orders.time", "orders.time+")
    )
    return FIRST_DAY + timedelta(days=day, microseconds=10 * steps)


def date_range(dataset: Dataset) -> tuple[datetime, datetime]:
    """The times of the first and the last generated order, without a query."""
    a_day = -(-(dataset.orders - FIRST_ORDER + 1) // DAYS)
    first = range(FIRST_ORDER, FIRST_ORDER + a_day)
    last = range(dataset.orders - a_day + 1, dataset.orders + 1)
    return (
        min(order_time(dataset, order) for order in first),
        max(order_time(dataset, order) for order in last),
    )
