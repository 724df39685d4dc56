"""Workloads: named, seeded mixes of the six functions."""

from bisect import bisect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import Any

from bench.model.dataset import Dataset, date_range

DAYS_BETWEEN = 30
"""The days of one call of `get_orders_between_dates`: about 2,000 orders at scale 1."""

READ_ARGUMENTS = 4_096
"""The number of reads whose arguments are made for one run, over all clients. A client that has
used all of its own repeats them."""

WRITES_PER_S = 20_000
"""More writes than any backend commits in a second, so that no write repeats its arguments."""


@dataclass(frozen=True)
class Operation:
    """A call: the name of the function, and its arguments."""

    function: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Workload:
    """A mix of functions by weight."""

    name: str
    weights: Mapping[str, int]
    description: str

    @property
    def writes(self) -> bool:
        return not self.weights.keys().isdisjoint(_WRITES)

    @property
    def mixed(self) -> bool:
        """Whether its operations are of several kinds, which may differ much in length."""
        return len(self.weights) > 1

    @property
    def streams(self) -> bool:
        """Whether every operation returns rows, so that they can be streamed."""
        return self.weights.keys() <= _STREAMS

    @property
    def many_rows(self) -> bool:
        """Whether an operation returns thousands of rows, so that the way to fetch them matters."""
        return self.weights.keys() <= _MANY_ROWS

    @property
    def renewed(self) -> bool:
        """Whether its database is made anew after each turn, so that no client may stay open."""
        return False


@dataclass(frozen=True)
class ClientSlot:
    """A client's number, and the number of clients."""

    number: int
    """Counted from 0."""
    clients: int


_Arguments = Callable[[Random, Dataset, ClientSlot, int], tuple[Any, ...]]


def _items(random: Random, ids: range) -> tuple[tuple[int, int], ...]:
    chosen = random.sample(ids, random.randint(1, 5))
    return tuple((item, random.randint(1, 5)) for item in chosen)


_date_range = lru_cache(date_range)


def _days(random: Random, dataset: Dataset) -> tuple[Any, ...]:
    first, last = _date_range(dataset)
    window = timedelta(days=DAYS_BETWEEN)
    after = first + max(last - first - window, timedelta()) * random.random()
    return (after, after + window)


def _new_lines(random: Random, dataset: Dataset, slot: ClientSlot, number: int) -> tuple[Any, ...]:
    # Every order gets lines once, then every order again with the next five of the items that are
    # in no order. The clients share the orders, so that no line is added twice.
    position = slot.number + number * slot.clients
    lap, order = divmod(position, dataset.orders)
    free = dataset.unordered_items
    start = 5 * (lap % (len(free) // 5))
    return (order + 1, _items(random, free[start : start + 5]))


_ARGUMENTS: Mapping[str, _Arguments] = {
    "get_customers": lambda random, dataset, slot, number: (),
    "get_orders_of_customer": lambda random, dataset, slot, number: (
        random.randint(1, dataset.customers),
    ),
    "get_total_cost_of_an_order": lambda random, dataset, slot, number: (
        random.randint(1, dataset.orders),
    ),
    "get_orders_between_dates": lambda random, dataset, slot, number: _days(random, dataset),
    "insert_order_items": _new_lines,
    "add_new_order_for_customer": lambda random, dataset, slot, number: (
        random.randint(1, dataset.customers),
        _items(random, range(1, dataset.items + 1)),
    ),
}

FUNCTIONS = tuple(_ARGUMENTS)
_WRITES = {"insert_order_items", "add_new_order_for_customer"}
_STREAMS = {"get_customers", "get_orders_of_customer", "get_orders_between_dates"}
_MANY_ROWS = {"get_customers", "get_orders_between_dates"}

_ALONE = {
    "get_customers": "every customer with address: many rows",
    "get_orders_of_customer": "a customer's orders with lines and items: a few rows",
    "get_total_cost_of_an_order": "a sum over an order's lines: the point read",
    "get_orders_between_dates": f"{DAYS_BETWEEN} days of orders with lines and items: many rows",
    "insert_order_items": "one to five lines for an order: a write",
    "add_new_order_for_customer": "an order and its lines: a write",
}

WORKLOADS = {
    name: Workload(name, {name: 1}, description) for name, description in _ALONE.items()
} | {
    "mixed": Workload(
        "mixed",
        {
            "get_orders_of_customer": 6,
            "get_total_cost_of_an_order": 3,
            "add_new_order_for_customer": 1,
        },
        "a shop's day: 6 orders-of-customer, 3 total-cost, 1 add-order",
    )
}

_GOLDEN = (5**0.5 - 1) / 2
"""The part of the operations between the starts of two rounds: its multiples spread evenly, for any
number of rounds (Knuth, *The Art of Computer Programming*, volume 3, section 6.4)."""

BUILT_IN = frozenset(WORKLOADS)
"""The names of the workloads that every process knows."""


@lru_cache(maxsize=256)
def operations(
    workload: str, dataset: Dataset, slot: ClientSlot, seconds: float
) -> tuple[Operation, ...]:
    """Return the operations of a client in their order. They are made before the clock starts.

    There are enough for `seconds` of writes. Reads are repeated when they run out. The operations
    are the same for every backend, and differ between clients. A round begins somewhere in them
    (`first_of_round`).
    """
    mix = WORKLOADS[workload]
    random = Random(f"{dataset.seed}/{workload}/{slot.number}/{slot.clients}")
    total = max(READ_ARGUMENTS, int(WRITES_PER_S * seconds) if mix.writes else 0)
    functions = list(mix.weights)
    limits = list(accumulate(mix.weights.values()))
    result = []
    for number in range(max(64, -(-total // slot.clients))):
        function = functions[bisect(limits, random.randrange(limits[-1]))]
        result.append(Operation(function, _ARGUMENTS[function](random, dataset, slot, number)))
    return tuple(result)


def first_of_round(number: int, operations: int) -> int:
    """Return the place among so many operations at which a round begins.

    It depends on the round alone, so that it is the same for every backend.
    """
    return round(number * _GOLDEN * operations) % operations
