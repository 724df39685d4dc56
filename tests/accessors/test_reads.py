"""Every backend gives the same answers to the reads: those of the workshop, written by hand."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

ALEX = {"name": "Alex", "address": {"flat_number": 101, "post_code": 10001}}
BLAKE = {"name": "Blake", "address": {"flat_number": 201, "post_code": 10002}}
CAM = {"name": "Cam", "address": {"flat_number": 301, "post_code": 10003}}

FIRST = {
    "order_id": 1,
    "customer_name": "Alex",
    "order_time": datetime(2024, 3, 18, 10, 30),
    "items": [
        {"name": "Milk", "price": Decimal(5), "quantity": 1, "total": Decimal(5)},
        {"name": "Kit Kat", "price": Decimal(1), "quantity": 4, "total": Decimal(4)},
        {"name": "Bread", "price": Decimal("10.5"), "quantity": 2, "total": Decimal(21)},
    ],
}
SECOND = {
    "order_id": 2,
    "customer_name": "Cam",
    "order_time": datetime(2024, 3, 20, 11, 0),
    "items": [
        {"name": "Kit Kat", "price": Decimal(1), "quantity": 2, "total": Decimal(2)},
        {"name": "Onion", "price": Decimal(2), "quantity": 5, "total": Decimal(10)},
    ],
}
THIRD = {
    "order_id": 3,
    "customer_name": "Blake",
    "order_time": datetime(2024, 3, 25, 15, 0),
    "items": [],
}

FROM, TO = datetime(2024, 3, 18, 10, 30), datetime(2024, 3, 25, 15, 0)
A_MICROSECOND = timedelta(microseconds=1)
SPRING = datetime(2024, 3, 1), datetime(2024, 6, 1)

NOBODY = 2_000_000_000


def test_customers_come_with_their_address_by_id(session: Any) -> None:
    answers = session.answers("get_customers")
    assert answers[:3] == [ALEX, BLAKE, CAM]
    assert type(answers[0]) is dict
    assert type(answers[0]["address"]) is dict


@pytest.mark.parametrize(("customer", "orders"), [(1, [FIRST]), (2, [THIRD]), (3, [SECOND])])
def test_orders_of_a_customer(session: Any, customer: int, orders: list[Any]) -> None:
    answers = session.answers("get_orders_of_customer", customer)
    assert answers == orders
    for line in answers[0]["items"]:
        assert isinstance(line["price"], Decimal)
        assert isinstance(line["total"], Decimal)
    assert type(answers[0]["order_time"]) is datetime


def test_an_unknown_customer_has_no_orders(session: Any) -> None:
    assert session.answers("get_orders_of_customer", NOBODY) == []


@pytest.mark.parametrize(
    ("order", "cost"), [(1, Decimal(30)), (2, Decimal(12)), (3, None), (NOBODY, None)]
)
def test_total_cost_of_an_order(session: Any, order: int, cost: Decimal | None) -> None:
    """The cost is None for an order without lines and for an unknown order: not 0, and no error."""
    found = session.get_total_cost_of_an_order(order)
    assert found == cost
    assert found is None or isinstance(found, Decimal)


@pytest.mark.parametrize(
    ("after", "before", "orders"),
    [
        (FROM, TO, [FIRST, SECOND, THIRD]),
        (FROM + A_MICROSECOND, TO, [SECOND, THIRD]),
        (FROM, TO - A_MICROSECOND, [FIRST, SECOND]),
        (SECOND["order_time"], SECOND["order_time"], [SECOND]),
        (TO, FROM, []),
    ],
)
def test_orders_between_dates_includes_both_ends(
    session: Any, after: datetime, before: datetime, orders: list[Any]
) -> None:
    assert session.answers("get_orders_between_dates", after, before) == orders


def test_the_generated_rows_are_answered_as_the_tables_say(
    on_server: None, session: Any, truth: Any
) -> None:
    assert session.answers("get_customers") == truth.customers
    assert session.answers("get_orders_between_dates", *SPRING) == truth.between(*SPRING)


def test_native_rows_count_as_the_rows_of_the_join(
    on_server: None, library: Any, session: Any, truth: Any
) -> None:
    """Rows/s of mapped objects and of tuples have the same unit."""
    count = library.backend.shapes["get_orders_between_dates"].count
    assert count(session.get_orders_between_dates(FROM, TO)) == 3 + 2 + 1
    lines = sum(len(order["items"]) or 1 for order in truth.between(*SPRING))
    assert count(session.get_orders_between_dates(*SPRING)) == lines
    customers = library.backend.shapes["get_customers"].count(session.get_customers())
    assert customers == len(truth.customers)


def test_answers_outlive_their_session(library: Any) -> None:
    """A mapped object needs no further query once its session is closed."""
    with library.session() as session:
        customers = session.get_customers()
        orders = session.get_orders_between_dates(FROM, TO)
        with session.stream("get_orders_between_dates", FROM, TO, batch_size=2) as rows:
            streamed = list(rows)
    assert library.dicts("get_customers", customers)[:3] == [ALEX, BLAKE, CAM]
    assert library.dicts("get_orders_between_dates", orders) == [FIRST, SECOND, THIRD]
    assert library.dicts("get_orders_between_dates", streamed) == [FIRST, SECOND, THIRD]


def test_a_read_may_be_repeated_on_one_session(session: Any) -> None:
    """The answer stays the same when a driver begins to use prepared statements."""
    for _ in range(7):
        assert session.answers("get_orders_of_customer", 1) == [FIRST]
        assert session.get_total_cost_of_an_order(1) == 30
