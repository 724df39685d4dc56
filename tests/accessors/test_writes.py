"""A write is committed when it returns, or raises the library's own error and leaves nothing."""

from decimal import Decimal
from importlib import import_module
from typing import Any

import asyncpg
import psycopg.errors
import psycopg2.errors
import pytest
import sqlalchemy.exc

pytestmark = pytest.mark.usefixtures("on_server", "restored")

NOBODY = NOTHING = 2_000_000_000
MILK, KIT_KAT, BREAD, ONION = 1, 2, 3, 4

FOREIGN, UNIQUE = "foreign key", "unique"
ERRORS: dict[tuple[str, str], type[Exception]] = {
    ("psycopg2", FOREIGN): psycopg2.errors.ForeignKeyViolation,
    ("psycopg2", UNIQUE): psycopg2.errors.UniqueViolation,
    ("psycopg", FOREIGN): psycopg.errors.ForeignKeyViolation,
    ("psycopg", UNIQUE): psycopg.errors.UniqueViolation,
    ("asyncpg", FOREIGN): asyncpg.ForeignKeyViolationError,
    ("asyncpg", UNIQUE): asyncpg.UniqueViolationError,
}


WITHOUT_AN_ERROR_OF_THEIR_OWN = {
    "pg8000": ("pg8000.dbapi", "DatabaseError"),
    "psqlpy": ("psqlpy.exceptions", "ConnectionExecuteError"),
}
"""Drivers with one error class for all that a server refuses."""


def error_of(library: Any, violation: str) -> type[Exception]:
    """Return the library's own error class: the driver's, or that of SQLAlchemy."""
    driver = library.backend.driver
    if library.backend.layer == "driver" and driver in WITHOUT_AN_ERROR_OF_THEIR_OWN:
        module, name = WITHOUT_AN_ERROR_OF_THEIR_OWN[driver]
        error: type[Exception] = getattr(import_module(module), name)
        return error
    if library.backend.layer == "driver":
        return ERRORS[driver, violation]
    # SQLAlchemy gives its error the name of the driver's error.
    if driver in WITHOUT_AN_ERROR_OF_THEIR_OWN:
        return sqlalchemy.exc.DatabaseError
    return sqlalchemy.exc.IntegrityError


def is_whole(session: Any, observer: Any) -> None:
    """Check that the session answers a read and commits a write."""
    assert session.get_total_cost_of_an_order(1) == 30
    orders, lines = observer.counts()
    assert session.add_new_order_for_customer(1, [(MILK, 1)]) > 0
    assert observer.counts() == (orders + 1, lines + 1)


def test_lines_are_added_at_once(library: Any, session: Any, observer: Any) -> None:
    assert session.insert_order_items(3, [(BREAD, 2), (ONION, 1)]) is None
    assert observer.lines(3) == [(BREAD, 2), (ONION, 1)]
    assert observer.states(library) == ["idle"]
    assert session.get_total_cost_of_an_order(3) == 23


def test_an_order_is_added_at_once(library: Any, session: Any, observer: Any) -> None:
    new = session.add_new_order_for_customer(2, [(MILK, 3), (KIT_KAT, 1)])
    assert type(new) is int
    assert observer.lines(new) == [(MILK, 3), (KIT_KAT, 1)]
    query = "SELECT customer_id, abs(extract(epoch FROM localtimestamp - order_time)) < 60"
    assert observer.rows(f"{query} FROM gatherbench.orders WHERE id = %s", new) == [(2, True)]
    assert observer.states(library) == ["idle"]
    assert session.get_total_cost_of_an_order(new) == Decimal(16)


def test_the_writer_reads_its_own_write(session: Any) -> None:
    """This holds if no earlier answer is kept: the ORM would return its existing objects again."""
    assert len(session.get_orders_of_customer(2)) == 1
    session.insert_order_items(3, [(BREAD, 2)])
    new = session.add_new_order_for_customer(2, [(ONION, 1)])
    after = session.answers("get_orders_of_customer", 2)
    assert [order["order_id"] for order in after] == [3, new]
    assert [[line["name"] for line in order["items"]] for order in after] == [["Bread"], ["Onion"]]


def test_orders_are_numbered_one_after_another(session: Any) -> None:
    first = session.add_new_order_for_customer(1, [(MILK, 1)])
    assert session.add_new_order_for_customer(1, [(MILK, 1)]) == first + 1


def test_many_lines_in_one_order(session: Any, observer: Any) -> None:
    lines = [(item, 1 + item % 5) for item in range(1, 101)]
    new = session.add_new_order_for_customer(1, lines)
    assert observer.lines(new) == lines


def test_no_lines_are_no_error(session: Any, observer: Any) -> None:
    orders, lines = observer.counts()
    assert session.insert_order_items(3, []) is None
    assert observer.counts() == (orders, lines)
    new = session.add_new_order_for_customer(3, [])
    assert observer.counts() == (orders + 1, lines)
    assert observer.lines(new) == []
    assert session.get_total_cost_of_an_order(new) is None
    is_whole(session, observer)


REFUSED = [
    pytest.param("insert_order_items", NOTHING, [(MILK, 1)], FOREIGN, id="unknown-order"),
    pytest.param("insert_order_items", 3, [(MILK, 1), (NOTHING, 1)], FOREIGN, id="unknown-item"),
    pytest.param("insert_order_items", 3, [(MILK, 1), (MILK, 2)], UNIQUE, id="twice-in-one-call"),
    pytest.param("insert_order_items", 1, [(ONION, 1), (MILK, 1)], UNIQUE, id="there-already"),
    pytest.param("add_new_order_for_customer", NOBODY, [(MILK, 1)], FOREIGN, id="unknown-customer"),
    pytest.param("add_new_order_for_customer", NOBODY, [], FOREIGN, id="unknown-customer-no-lines"),
    pytest.param(
        "add_new_order_for_customer", 1, [(MILK, 1), (NOTHING, 1)], FOREIGN, id="order-of-nothing"
    ),
    pytest.param(
        "add_new_order_for_customer", 1, [(MILK, 1), (MILK, 2)], UNIQUE, id="order-line-twice"
    ),
]


@pytest.mark.parametrize(("function", "identity", "items", "violation"), REFUSED)
def test_a_refused_write_raises_and_leaves_nothing(
    library: Any,
    session: Any,
    observer: Any,
    function: str,
    identity: int,
    items: list[tuple[int, int]],
    violation: str,
) -> None:
    before = observer.counts()
    with pytest.raises(error_of(library, violation)) as refused:
        getattr(session, function)(identity, items)
    assert violation in str(refused.value)
    assert observer.counts() == before
    assert observer.states(library) == ["idle"]
    if library.backend.layer != "driver" and library.backend.driver == "psycopg":
        assert isinstance(refused.value.__cause__, ERRORS["psycopg", violation])
    is_whole(session, observer)


def test_a_line_added_twice_on_one_session_is_refused_by_the_server(
    library: Any, session: Any, observer: Any
) -> None:
    """Forbids that the ORM takes an earlier line for the new one."""
    new = session.add_new_order_for_customer(1, [(MILK, 1)])
    with pytest.raises(error_of(library, UNIQUE), match=UNIQUE):
        session.insert_order_items(new, [(MILK, 2)])
    assert observer.lines(new) == [(MILK, 1)]


def test_a_write_after_a_read_is_committed(library: Any, session: Any, observer: Any) -> None:
    """Defect: under `implicit` psycopg2 refused to write in the transaction that a read had begun,
    and psycopg's write was only a savepoint in it: it was committed when the session ended."""
    for item in (MILK, KIT_KAT):
        assert session.get_total_cost_of_an_order(1) == 30
        session.insert_order_items(3, [(item, 1)])
        assert (item, 1) in observer.lines(3)
        assert session.get_orders_of_customer(1)
        assert observer.lines(session.add_new_order_for_customer(1, [(item, 1)])) == [(item, 1)]
        assert observer.states(library) == ["idle"]


def test_a_refused_write_after_a_read_leaves_the_session_whole(
    library: Any, session: Any, observer: Any
) -> None:
    assert session.get_total_cost_of_an_order(1) == 30
    before = observer.counts()
    with pytest.raises(error_of(library, FOREIGN), match=FOREIGN):
        session.insert_order_items(3, [(MILK, 1), (NOTHING, 1)])
    assert observer.counts() == before
    is_whole(session, observer)
