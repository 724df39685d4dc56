"""The contract: a backend with an open pool hands out accessors; an accessor is one session.

An accessor belongs to the task (or thread) that opened it. A library writes four verbs and two
writes; the public names of the reads stand here, once per colour. Those of the async colour are
plain functions that return the verb's awaitable, since every coroutine in between costs about 1 %
of a point read.

The transaction rule: under `autocommit` a read is its own transaction and nothing is sent around
it; under `implicit` the library begins one by itself, as most applications let it, and it ends
with the session. A streamed read and a write are one transaction each, ended when they end.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal

from accessors.rows import Shape
from accessors.sql import Reads

Transactions = Literal["autocommit", "implicit"]
Line = tuple[int, int]
"""(item_id, quantity)"""
Rows = Sequence[Any]


@dataclass(frozen=True)
class Target:
    """What a backend is opened on."""

    url: str = field(repr=False)
    """`postgresql://...` as the driver's `connect` takes it; may hold a password: never shown."""
    pool_size: int = 1
    """Connections to open, all of them before `open` returns: no more, no less."""
    transactions: Transactions = "autocommit"


class Accessor(ABC):
    """The six marketplace functions on one session, sync."""

    reads: ClassVar[Reads[Any]]
    streamed_reads: ClassVar[Reads[Any]]
    """The reads as they are written to be streamed; mostly the same object."""

    @abstractmethod
    def fetch_all(self, read: Any, *arguments: Any) -> Rows:
        """Every row, as the library hands it back."""

    @abstractmethod
    def fetch_value(self, read: Any, *arguments: Any) -> Any:
        """The first column of the only row."""

    @abstractmethod
    def stream(
        self, read: Any, *arguments: Any, batch_size: int | None = None
    ) -> AbstractContextManager[Iterator[Any]]:
        """The library's own iterator over the rows; on leaving, cursor and transaction are closed.

        `batch_size`: rows fetched from the server at a time; None is the library's default.
        """

    @abstractmethod
    def stream_batches(
        self, read: Any, *arguments: Any, batch_size: int | None = None
    ) -> AbstractContextManager[Iterator[Rows]]:
        """As `stream`, in sequences of `batch_size` rows (the last may be shorter)."""

    @abstractmethod
    def insert_order_items(self, order_id: int, items: Sequence[Line]) -> None:
        """Add lines to an order that exists, all or none, committed on return.

        Raises the library's own integrity error for an unknown order or item, or a line twice.
        """

    @abstractmethod
    def add_new_order_for_customer(self, customer_id: int, items: Sequence[Line]) -> int:
        """Add an order and its lines, all or nothing, committed on return; the order's new id.

        Raises the library's own integrity error for an unknown customer or item, or a line twice.
        """

    def get_customers(self, first: int | None = None) -> Rows:
        """Every customer with address, by id; or only the first so many."""
        return self.fetch_all(*self.reads.of_customers(first))

    def get_orders_of_customer(self, customer_id: int) -> Rows:
        """The customer's orders with their lines and items, by id."""
        return self.fetch_all(self.reads.orders_of_customer, customer_id)

    def get_total_cost_of_an_order(self, order_id: int) -> Decimal | None:
        """Sum of price x quantity; None for an order without lines, or no such order."""
        value: Decimal | None = self.fetch_value(self.reads.total_cost_of_an_order, order_id)
        return value

    def get_orders_between_dates(self, after: datetime, before: datetime) -> Rows:
        """The orders from `after` to `before`, both included, with lines and items, by id."""
        return self.fetch_all(self.reads.orders_between_dates, after, before)

    def stream_customers(
        self, first: int | None = None, *, batch_size: int | None = None
    ) -> AbstractContextManager[Iterator[Any]]:
        return self.stream(*self.streamed_reads.of_customers(first), batch_size=batch_size)

    def stream_customers_batches(
        self, first: int | None = None, *, batch_size: int | None = None
    ) -> AbstractContextManager[Iterator[Rows]]:
        return self.stream_batches(*self.streamed_reads.of_customers(first), batch_size=batch_size)

    def stream_orders_of_customer(
        self, customer_id: int, *, batch_size: int | None = None
    ) -> AbstractContextManager[Iterator[Any]]:
        read = self.streamed_reads.orders_of_customer
        return self.stream(read, customer_id, batch_size=batch_size)

    def stream_orders_of_customer_batches(
        self, customer_id: int, *, batch_size: int | None = None
    ) -> AbstractContextManager[Iterator[Rows]]:
        read = self.streamed_reads.orders_of_customer
        return self.stream_batches(read, customer_id, batch_size=batch_size)

    def stream_orders_between_dates(
        self, after: datetime, before: datetime, *, batch_size: int | None = None
    ) -> AbstractContextManager[Iterator[Any]]:
        read = self.streamed_reads.orders_between_dates
        return self.stream(read, after, before, batch_size=batch_size)

    def stream_orders_between_dates_batches(
        self, after: datetime, before: datetime, *, batch_size: int | None = None
    ) -> AbstractContextManager[Iterator[Rows]]:
        read = self.streamed_reads.orders_between_dates
        return self.stream_batches(read, after, before, batch_size=batch_size)


class AsyncAccessor(ABC):
    """The six marketplace functions on one session, async: `Accessor`, awaited."""

    reads: ClassVar[Reads[Any]]
    streamed_reads: ClassVar[Reads[Any]]

    @abstractmethod
    def fetch_all(self, read: Any, *arguments: Any) -> Awaitable[Rows]: ...

    @abstractmethod
    def fetch_value(self, read: Any, *arguments: Any) -> Awaitable[Any]: ...

    @abstractmethod
    def stream(
        self, read: Any, *arguments: Any, batch_size: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Any]]: ...

    @abstractmethod
    def stream_batches(
        self, read: Any, *arguments: Any, batch_size: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Rows]]: ...

    @abstractmethod
    def insert_order_items(self, order_id: int, items: Sequence[Line]) -> Awaitable[None]: ...

    @abstractmethod
    def add_new_order_for_customer(
        self, customer_id: int, items: Sequence[Line]
    ) -> Awaitable[int]: ...

    def get_customers(self, first: int | None = None) -> Awaitable[Rows]:
        return self.fetch_all(*self.reads.of_customers(first))

    def get_orders_of_customer(self, customer_id: int) -> Awaitable[Rows]:
        return self.fetch_all(self.reads.orders_of_customer, customer_id)

    def get_total_cost_of_an_order(self, order_id: int) -> Awaitable[Decimal | None]:
        return self.fetch_value(self.reads.total_cost_of_an_order, order_id)

    def get_orders_between_dates(self, after: datetime, before: datetime) -> Awaitable[Rows]:
        return self.fetch_all(self.reads.orders_between_dates, after, before)

    def stream_customers(
        self, first: int | None = None, *, batch_size: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Any]]:
        return self.stream(*self.streamed_reads.of_customers(first), batch_size=batch_size)

    def stream_customers_batches(
        self, first: int | None = None, *, batch_size: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Rows]]:
        return self.stream_batches(*self.streamed_reads.of_customers(first), batch_size=batch_size)

    def stream_orders_of_customer(
        self, customer_id: int, *, batch_size: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Any]]:
        read = self.streamed_reads.orders_of_customer
        return self.stream(read, customer_id, batch_size=batch_size)

    def stream_orders_of_customer_batches(
        self, customer_id: int, *, batch_size: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Rows]]:
        read = self.streamed_reads.orders_of_customer
        return self.stream_batches(read, customer_id, batch_size=batch_size)

    def stream_orders_between_dates(
        self, after: datetime, before: datetime, *, batch_size: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Any]]:
        read = self.streamed_reads.orders_between_dates
        return self.stream(read, after, before, batch_size=batch_size)

    def stream_orders_between_dates_batches(
        self, after: datetime, before: datetime, *, batch_size: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Rows]]:
        read = self.streamed_reads.orders_between_dates
        return self.stream_batches(read, after, before, batch_size=batch_size)


class _Backend(ABC):
    """What both colours of backend say of themselves."""

    colour: ClassVar[Literal["sync", "async"]]
    layer: ClassVar[str]
    """`driver`, `core`, `orm`, or another word for a library of another kind."""
    driver: str
    """The library that speaks to the server: held constant, a layer's price is a difference."""
    name: str
    """As in `--backend`; reads like an SQLAlchemy URL: `orm+asyncpg`."""
    requires: Mapping[str, str] = {}
    """What it needs: the module to import -> what pip calls it."""
    shapes: Mapping[str, Callable[[], Shape]]
    """How the rows of each many-row read become dicts: function name -> a new shape."""
    card: Mapping[str, str]
    """For the fairness card: `rows`, `pool`, `prepared`, `default_batch`, `writes`."""
    transactions: tuple[Transactions, ...] = ("autocommit", "implicit")
    also: tuple[str, ...] = ()
    """Further verbs of its accessors, for rows one by one: `iterate`, `stream_single_rows`."""
    placeholders: Literal["numbered", "percent", "sqlalchemy"] | None = None
    """How its accessors take SQL text: with `$1`; with `%s`; as a `statements.Read` of SQLAlchemy's
    `text()` with `:p1`. None: they take none."""
    in_memory: bool = False
    """True for a floor that asks no server and knows the sample rows alone."""


class Backend(_Backend):
    """A named sync library with an open pool."""

    colour = "sync"

    @abstractmethod
    def open(self, target: Target) -> AbstractContextManager[None]:
        """Open the pool, whole; close it on leaving. Only within may accessors be had."""

    @abstractmethod
    def accessor(self) -> AbstractContextManager[Accessor]:
        """One session, for the thread that opens it; returned to the pool on leaving."""


class AsyncBackend(_Backend):
    """A named async library with an open pool."""

    colour = "async"

    @abstractmethod
    def open(self, target: Target) -> AbstractAsyncContextManager[None]:
        """Open the pool, whole; close it on leaving. Only within may accessors be had."""

    @abstractmethod
    def accessor(self) -> AbstractAsyncContextManager[AsyncAccessor]:
        """One session, for the task that opens it; returned to the pool on leaving."""


AnyBackend = Backend | AsyncBackend
