"""A stream gives the same rows as a buffered read; at its end, cursor and transaction close."""

import asyncio
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

FROM, TO = datetime(2024, 3, 18, 10, 30), datetime(2024, 3, 25, 15, 0)
SPRING = datetime(2024, 3, 1), datetime(2024, 4, 21)

IN_TRANSACTION = "idle in transaction"

either_way = pytest.mark.parametrize("batches", [False, True], ids=["streamed", "batched"])
SIZES = (None, 1, 2, 7, 1000)

MILK_KIT_KAT_BREAD = [
    {"name": "Milk", "price": Decimal(5), "quantity": 1, "total": Decimal(5)},
    {"name": "Kit Kat", "price": Decimal(1), "quantity": 4, "total": Decimal(4)},
    {"name": "Bread", "price": Decimal("10.5"), "quantity": 2, "total": Decimal(21)},
]


def streamed(
    library: Any, session: Any, batches: bool, size: int | None, function: str, *arguments: Any
) -> list[dict[str, Any]]:
    """Return the dicts of a streamed read, converted in the portions in which the rows come."""
    shape = library.backend.shapes[function]()
    found = []
    with session.stream(function, *arguments, batches=batches, batch_size=size) as stream:
        for portion in stream:
            found += shape.feed(portion if batches else [portion])
    return found + shape.finish()


@either_way
def test_the_sample_streams_in_any_portions(library: Any, session: Any, batches: bool) -> None:
    for size in SIZES:

        def stream(function: str, *arguments: Any, size: int | None = size) -> list[dict[str, Any]]:
            return streamed(library, session, batches, size, function, *arguments)

        sample = stream("get_orders_between_dates", FROM, TO)
        assert [order["customer_name"] for order in sample] == ["Alex", "Cam", "Blake"], size
        assert sample[0]["items"] == MILK_KIT_KAT_BREAD, size
        assert [line["name"] for line in sample[1]["items"]] == ["Kit Kat", "Onion"], size
        assert sample[2]["items"] == [], size
        assert stream("get_orders_of_customer", 1) == sample[:1], size
        assert stream("get_orders_of_customer", 2_000_000_000) == [], size
        assert stream("get_orders_between_dates", TO, FROM) == [], size
    names = [customer["name"] for customer in stream("get_customers")]
    assert names[:3] == ["Alex", "Blake", "Cam"]


@either_way
def test_the_generated_rows_stream_in_any_portions(
    on_server: None, library: Any, session: Any, truth: Any, batches: bool
) -> None:
    for size in SIZES:
        customers = streamed(library, session, batches, size, "get_customers")
        assert customers == truth.customers, size
        function = "get_orders_between_dates"
        orders = streamed(library, session, batches, size, function, *SPRING)
        assert orders == truth.between(*SPRING), size


@pytest.mark.parametrize("function", ["get_customers", "get_orders_between_dates"])
def test_a_batch_is_of_its_size(session: Any, function: str) -> None:
    """Every batch but the last has exactly this size: rows for a driver, entities for the ORM."""
    arguments = SPRING if function == "get_orders_between_dates" else ()
    for size in (1, 2, 7, 1000):
        with session.stream(function, *arguments, batches=True, batch_size=size) as stream:
            sizes = [len(batch) for batch in stream]
        assert sizes, size
        assert set(sizes[:-1]) <= {size}
        assert 1 <= sizes[-1] <= size


def test_a_library_default_gives_no_empty_batch(session: Any) -> None:
    with session.stream("get_customers", batches=True) as stream:
        assert all(len(batch) for batch in stream)


@either_way
def test_a_stream_is_one_transaction_and_ends_it(
    on_server: None, library: Any, session: Any, observer: Any, batches: bool
) -> None:
    with session.stream("get_customers", batches=batches, batch_size=2) as stream:
        next(stream)
        assert observer.states(library) == [IN_TRANSACTION]
    assert observer.states(library) == ["idle"]


class LeftError(Exception):
    """A consumer's own failure."""


@either_way
def test_left_early_all_is_closed_at_once(
    on_server: None, restored: None, library: Any, session: Any, observer: Any, batches: bool
) -> None:
    """Forbids a cursor and transaction that stay open until an async generator is collected."""
    with session.stream("get_customers", batches=batches, batch_size=2) as stream:
        for _ in stream:
            break
    assert observer.states(library) == ["idle"]
    assert session.get_total_cost_of_an_order(1) == 30

    def failing() -> None:
        with session.stream("get_customers", batches=batches, batch_size=2) as stream:
            next(stream)
            raise LeftError

    with pytest.raises(LeftError):
        failing()
    assert observer.states(library) == ["idle"]
    assert session.get_total_cost_of_an_order(2) == 12
    session.insert_order_items(3, [(1, 1)])
    assert observer.lines(3) == [(1, 1)]


@either_way
def test_left_by_cancellation_all_is_closed_at_once(
    on_server: None, restored: None, library: Any, session: Any, observer: Any, batches: bool
) -> None:
    if library.backend.mode == "sync":
        pytest.skip("a thread can't be cancelled")
    name = "stream_customers_batches" if batches else "stream_customers"
    stream = getattr(session.accessor, name)

    async def cancelled() -> None:
        reached = asyncio.Event()

        async def consumer() -> None:
            async with stream(batch_size=2) as rows:
                async for _ in rows:
                    reached.set()
                    await asyncio.sleep(60)

        task = asyncio.create_task(consumer())
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    library.wait(cancelled())
    assert observer.states(library) == ["idle"]
    assert session.get_total_cost_of_an_order(1) == 30
    session.insert_order_items(3, [(1, 1)])
    assert observer.lines(3) == [(1, 1)]


@either_way
def test_never_begun_it_is_closed_too(
    on_server: None, library: Any, session: Any, observer: Any, batches: bool
) -> None:
    with session.stream("get_customers", batches=batches):
        pass
    assert observer.states(library) == ["idle"]
    assert session.get_total_cost_of_an_order(1) == 30


@either_way
def test_a_stream_after_a_read_and_a_read_after_a_stream(
    on_server: None, library: Any, session: Any, observer: Any, batches: bool
) -> None:
    """Defect: under `implicit` psycopg2 refused to stream in the transaction that a read had begun,
    and psycopg's stream ended only a savepoint in it."""
    for _ in range(2):
        assert session.get_total_cost_of_an_order(1) == 30
        with session.stream("get_orders_between_dates", FROM, TO, batches=batches) as stream:
            assert list(stream)
        assert observer.states(library) == ["idle"]


def test_a_stream_holds_one_snapshot_of_the_rows(
    on_server: None, restored: None, session: Any, observer: Any
) -> None:
    """Rows that another connection writes in the meantime do not appear in a stream."""
    with session.stream("get_orders_of_customer", 2, batch_size=1) as stream:
        first = next(stream)
        observer.rows("INSERT INTO gatherbench.orders (customer_id) VALUES (2) RETURNING id")
        assert list(stream) == []
    assert first is not None
    assert len(session.answers("get_orders_of_customer", 2)) == 2
