"""The SQLAlchemy ORM, over each of its sync drivers, as the workshop uses it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from sqlalchemy import ScalarResult
from sqlalchemy.orm import Session, sessionmaker

from accessors.api import Accessor, Backend, Line, Rows, Target
from accessors.connect_options import ENGINE
from accessors.models import OrderItems, Orders
from accessors.rows import Entities, OrderEntities
from accessors.statements import (
    ORM,
    ORM_STREAMED,
    READ_COMMITTED,
    TOTAL_COST,
    Read,
    stream_options,
)
from accessors.sync.engine import CARD, REQUIRES, open_engine


class OrmAccessor(Accessor):
    reads = ORM
    streamed_reads = ORM_STREAMED

    def __init__(self, session: Session, *, autocommit: bool) -> None:
        self.native = self._session = session
        self._autocommit = autocommit

    def fetch_all(self, read: Read, *arguments: Any) -> Rows:
        result = self._session.scalars(read.statement, read.bind(*arguments))
        return result.unique().all() if read.collections else result.all()

    def fetch_value(self, read: Read, *arguments: Any) -> Any:
        return self._session.scalar(read.statement, read.bind(*arguments))

    def get_total_cost_of_an_order(self, order_id: int) -> Decimal | None:
        return self._session.scalar(TOTAL_COST, {"order_id": order_id})

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        session = self._session
        if self._autocommit:
            # The transaction that autocommit reads began exists only on the client's side, so this
            # commit sends nothing. A rollback would expire every object that was read.
            session.commit()
            session.connection(execution_options={"isolation_level": READ_COMMITTED})
        try:
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise

    @contextmanager
    def stream(
        self, read: Read, *arguments: Any, batch_size: int | None = None
    ) -> Iterator[ScalarResult[Any]]:
        options = stream_options(batch_size)
        with self._transaction() as session:
            result = session.scalars(
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
        with self._transaction() as session:
            session.add_all(
                OrderItems(order_id=order_id, item_id=item_id, quantity=quantity)
                for item_id, quantity in items
            )

    def add_new_order_for_customer(self, customer_id: int, items: Sequence[Line]) -> int:
        lines = [OrderItems(item_id=item_id, quantity=quantity) for item_id, quantity in items]
        order = Orders(customer_id=customer_id, order_items=lines)
        with self._transaction() as session:
            session.add(order)
        return order.id


class Orm(Backend):
    layer = "orm"
    when_pool_is_empty = "wait"
    shapes = {
        "get_customers": Entities,
        "get_orders_of_customer": OrderEntities,
        "get_orders_between_dates": OrderEntities,
    }

    def __init__(self, name: str, driver: str) -> None:
        self.name = name
        self.driver = driver
        self.requires = REQUIRES[driver]
        self.connect_options = (driver, ENGINE)
        self.card = CARD[driver] | {
            "rows": "mapped objects",
            "writes": "unit of work: flush, commit",
        }

    @contextmanager
    def open(self, target: Target) -> Iterator[None]:
        self._autocommit = target.transactions == "autocommit"
        with open_engine(self.driver, target) as engine:
            self._sessions = sessionmaker(engine, expire_on_commit=False)
            yield

    @contextmanager
    def accessor(self) -> Iterator[Accessor]:
        with self._sessions() as session:
            yield OrmAccessor(session, autocommit=self._autocommit)


BACKENDS = (
    Orm("orm+psycopg2", "psycopg2"),
    Orm("orm+psycopg", "psycopg"),
    Orm("orm+pg8000", "pg8000"),
)
