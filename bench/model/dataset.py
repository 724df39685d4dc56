"""The dataset: a scale and a seed, and what can be computed from them without a server."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from accessors import sample
from bench.model.draws import key, mix
from bench.model.errors import UsageError

SMALLEST_SCALE = 0.001
LARGEST_SCALE = 100.0

UNORDERED = 100
"""The number of items that are in no order: the last ones. Write workloads add them to orders."""

FIRST_DAY = datetime(2024, 4, 2)
DAYS = 730
"""The number of days, from `FIRST_DAY` on, on which generated orders are placed."""

FIRST_ORDER = len(sample.ORDERS) + 1
"""The id of the first generated order. The orders before it are those of the sample."""


@dataclass(frozen=True)
class Dataset:
    """A scale and a seed, which decide all rows. The rows of the sample come first.

    Customers, addresses and orders grow with the scale. Items grow with its square root, because a
    shop's catalogue grows more slowly than the number of its customers. There are at least 200, so
    that orders of the smallest dataset still have items to choose from.
    """

    scale: float = 1.0
    seed: int = 1
    more_customers: int = 1
    """A factor for the number of customers alone: it gives one large result without more orders."""

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
        """The last id of the items that generated orders contain. The first id is 1."""
        return self.items - UNORDERED

    @property
    def unordered_items(self) -> range:
        """The ids of the items that are in no order. A workload may add them to any order."""
        return range(self.ordered_items + 1, self.items + 1)


def order_time(dataset: Dataset, order_id: int) -> datetime:
    """Return the time of a generated order, by the same formula as the server's SQL.

    Orders are spread evenly over the days, in the order of their ids. The time of day is the sum of
    two draws, so that most orders are placed around noon. A step is ten microseconds, so that two
    32-bit draws fill 23.9 hours.
    """
    row = order_id - FIRST_ORDER
    day = row * DAYS // (dataset.orders - len(sample.ORDERS))
    steps = sum(
        mix(order_id ^ key(dataset.seed, purpose)) for purpose in ("orders.time", "orders.time+")
    )
    return FIRST_DAY + timedelta(days=day, microseconds=10 * steps)


def date_range(dataset: Dataset) -> tuple[datetime, datetime]:
    """Return the times of the first and the last generated order, without a query."""
    orders_a_day = -(-(dataset.orders - FIRST_ORDER + 1) // DAYS)
    first = range(FIRST_ORDER, FIRST_ORDER + orders_a_day)
    last = range(dataset.orders - orders_a_day + 1, dataset.orders + 1)
    return (
        min(order_time(dataset, order) for order in first),
        max(order_time(dataset, order) for order in last),
    )
