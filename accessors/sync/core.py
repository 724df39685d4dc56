"""SQLAlchemy Core, over each of its sync drivers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Result

from accessors.api import Accessor, Backend, Line, Rows, Target
from accessors.connect_options import ENGINE
from accessors.rows import FlatCustomers, FlatOrders
from accessors.statements import (
    CORE,
    INSERT_LINES,
    INSERT_ORDER,
    READ_COMMITTED,
    TOTAL_COST,
    Read,
    lines_of,
    stream_options,
)
from accessors.sync.engine import CARD, REQUIRES, open_engine


class CoreAccessor(Accessor):
    reads = streamed_reads = CORE

    def __init__(self, connection: Connection, *, autocommit: bool) -> None:
        self.native = self._connection = connection
        self._autocommit = autocommit

    def fetch_all(self, read: Read, *arguments: Any) -> Rows:
        result = self._connection.execute(read.statement, read.bind(*arguments))
        rows: Rows = result.all()
        return rows

    def fetch_value(self, read: Read, *arguments: Any) -> Any:
        return self._connection.scalar(read.statement, read.bind(*arguments))

    def get_total_cost_of_an_order(self, order_id: int) -> Decimal | None:
        return self._connection.scalar(TOTAL_COST, {"order_id": order_id})

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        connection = self._connection
        if self._autocommit:
            # The transaction that autocommit reads began exists only on the client's side, so this
            # rollback sends nothing.
            connection.rollback()
            connection.execution_options(isolation_level=READ_COMMITTED)
        try:
            yield connection
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        finally:
            if self._autocommit and not connection.invalidated:
                connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def stream(
        self, read: Read, *arguments: Any, batch_size: int | None = None
    ) -> Iterator[Result[Any]]:
        options = stream_options(batch_size)
        with self._transaction() as connection:
            result = connection.execute(
                read.statement, read.bind(*arguments), execution_options=options
            )
            try:
                yield result
            finally:
                result.close()

    @contextmanager
    def stream_batches(
        self, read: Read, *arguments: Any, batch_size: int | None = None
    ) -> Iterator[Iterator[Rows]]:
        with self.stream(read, *arguments, batch_size=batch_size) as result:
            yield result.partitions()

    def insert_order_items(self, order_id: int, items: Sequence[Line]) -> None:
        with self._transaction() as connection:
            self._insert_lines(connection, order_id, items)

    def add_new_order_for_customer(self, customer_id: int, items: Sequence[Line]) -> int:
        with self._transaction() as connection:
            order = {"customer_id": customer_id}
            order_id: int = (connection.execute(INSERT_ORDER, order)).scalar_one()
            self._insert_lines(connection, order_id, items)
            return order_id

    @staticmethod
    def _insert_lines(connection: Connection, order_id: int, items: Sequence[Line]) -> None:
        if items:
            connection.execute(INSERT_LINES, lines_of(order_id, items))


class Core(Backend):
    layer = "core"
    when_pool_is_empty = "wait"
    placeholders = "sqlalchemy"
    shapes = {
        "get_customers": FlatCustomers,
        "get_orders_of_customer": FlatOrders,
        "get_orders_between_dates": FlatOrders,
    }

    def __init__(self, name: str, driver: str) -> None:
        self.name = name
        self.driver = driver
        self.requires = REQUIRES[driver]
        self.connect_options = (driver, ENGINE)
        self.card = CARD[driver] | {"rows": "sqlalchemy.Row"}

    @contextmanager
    def open(self, target: Target) -> Iterator[None]:
        self._autocommit = target.transactions == "autocommit"
        with open_engine(self.driver, target) as self._engine:
            yield

    @contextmanager
    def accessor(self) -> Iterator[Accessor]:
        with self._engine.connect() as connection:
            yield CoreAccessor(connection, autocommit=self._autocommit)


BACKENDS = (
    Core("core+psycopg2", "psycopg2"),
    Core("core+psycopg", "psycopg"),
    Core("core+pg8000", "pg8000"),
)
