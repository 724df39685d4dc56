"""The contract: a backend with an open pool opens accessors; an accessor is one session.

An accessor belongs to the task (or thread) that opened it. For each library someone writes four
methods that run a statement, and two methods that write. The public names of the reads are here,
once per mode. In the async mode they are plain functions that return the awaitable of the method
that they call, because every coroutine in between costs about 1 % of a point read.

The transaction rule: under `autocommit` a read is a transaction of its own, and nothing is sent
before or after it. Under `implicit` the library itself begins a transaction, as in most
applications, and the transaction ends with the session. A streamed read is one transaction, and so
is a write; it ends when the read or the write ends.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal

from accessors.mode import Mode, OldName, adopt_old_name
from accessors.rows import Shape
from accessors.sql import Reads

Transactions = Literal["autocommit", "implicit"]
Line = tuple[int, int]
"""(item_id, quantity)"""
Rows = Sequence[Any]


@dataclass(frozen=True)
class Target:
    """The database to connect to, and how."""

    url: str = field(repr=False)
    """`postgresql://...` as the driver's `connect` takes it. Never shown (password)."""
    pool_size: int = 1
    """The exact number of connections. All are open before `open` returns."""
    transactions: Transactions = "autocommit"
    connect: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments for the driver's `connect`, beside the URL."""
    engine: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments for SQLAlchemy's `create_engine`. A class of pool, or its name."""
    pool_timeout_s: float | None = None
    """Seconds to wait for a free connection of the pool; None: the library's default."""
    make_engine: Callable[..., Any] | None = field(default=None, repr=False)
    """The application's own function to call in place of `create_engine` or `create_async_engine`,
    with the same arguments."""


class Accessor(ABC):
    """The six marketplace functions on one session, sync."""

    reads: ClassVar[Reads[Any]]
    streamed_reads: ClassVar[Reads[Any]]
    """The reads in a form that can be streamed. Mostly the same object as `reads`."""
    native: Any = None
    """The library's own session or connection, for a unit of work of the user's; None if it has
    none to give."""

    @abstractmethod
    def fetch_all(self, read: Any, *arguments: Any) -> Rows:
        """Return every row in the form in which the library returns it."""

    @abstractmethod
    def fetch_value(self, read: Any, *arguments: Any) -> Any:
        """Return the first column of the only row."""

    @abstractmethod
    def stream(
        self, read: Any, *arguments: Any, batch_size: int | None = None
    ) -> AbstractContextManager[Iterator[Any]]:
        """Yield the library's own iterator over the rows; then close cursor and transaction.

        `batch_size`: rows fetched from the server at a time; None is the library's default.
        """

    @abstractmethod
    def stream_batches(
        self, read: Any, *arguments: Any, batch_size: int | None = None
    ) -> AbstractContextManager[Iterator[Rows]]:
        """Do as `stream`, in sequences of `batch_size` rows (the last may be shorter)."""

    @abstractmethod
    def insert_order_items(self, order_id: int, items: Sequence[Line]) -> None:
        """Add lines to an existing order, all or none; they are committed on return.

        Raises the library's own integrity error for an unknown order or item, or a line twice.
        """

    @abstractmethod
    def add_new_order_for_customer(self, customer_id: int, items: Sequence[Line]) -> int:
        """Add an order and its lines, all or none, commit, and return the id of the new order.

        Raises the library's own integrity error for an unknown customer or item, or a line twice.
        """

    def get_customers(self, first: int | None = None) -> Rows:
        """Return every customer with address, by id; or only those with an id up to `first`."""
        return self.fetch_all(*self.reads.of_customers(first))

    def get_orders_of_customer(self, customer_id: int) -> Rows:
        """Return the customer's orders with their lines and items, sorted by id."""
        return self.fetch_all(self.reads.orders_of_customer, customer_id)

    def get_total_cost_of_an_order(self, order_id: int) -> Decimal | None:
        """Return the sum of price x quantity; None for an order without lines or an unknown one."""
        value: Decimal | None = self.fetch_value(self.reads.total_cost_of_an_order, order_id)
        return value

    def get_orders_between_dates(self, after: datetime, before: datetime) -> Rows:
        """Return the orders from `after` to `before` (both included) with lines and items."""
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
    """The six marketplace functions on one session, async: as `Accessor`, to be awaited."""

    reads: ClassVar[Reads[Any]]
    streamed_reads: ClassVar[Reads[Any]]
    native: Any = None

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
    """The description that every backend gives, in both modes."""

    mode: ClassVar[Mode]
    """The kind of its functions: `sync` (run in threads) or `async` (run in tasks)."""
    colour = OldName()
    """The former name of `mode`. Deprecated: reading or setting it warns."""
    layer: ClassVar[str]
    """`driver`, `core`, `orm`, or another word for a library of another kind."""
    driver: str
    """The library that sends statements to the server. With equal drivers, the price of a layer is
    the difference between two backends."""
    name: str
    """The value of `--backend`, in the form of an SQLAlchemy URL: `orm+asyncpg`."""
    requires: Mapping[str, str] = {}
    """Required packages: the module to import -> the name that pip has for it."""
    shapes: Mapping[str, Callable[[], Shape]]
    """For each read that returns many rows: function name -> a function that makes a new shape,
    which converts the rows to dicts."""
    card: Mapping[str, str]
    """The entries of the fairness card: `rows`, `pool`, `prepared`, `default_batch`, `writes`."""
    transactions: tuple[Transactions, ...] = ("autocommit", "implicit")
    also: tuple[str, ...] = ()
    """Further methods of its accessors, which give rows one by one: `iterate`,
    `stream_single_rows`."""
    connect_options: tuple[str, ...] = ()
    """The groups of `--connect` options that `open` passes on from its target: the driver's name
    for `Target.connect`, `engine` for `Target.engine`. A backend without a group keeps its
    defaults, and the command says so."""
    placeholders: Literal["numbered", "percent", "percent_outside", "sqlalchemy"] | None = None
    """The form in which its accessors take SQL text: with `$1`; with `%s`, and `%%` for `%`; the
    same with `%%` only outside of quoted texts; or as a `Read` of SQLAlchemy's `text()` with
    `:p1`. None if they take no SQL text."""
    when_pool_is_empty: Literal["wait", "raise"] | None = None
    """The answer of the library's pool if no connection is free: let the client wait, for up to
    `Target.pool_timeout_s`, or raise an error at once. None if the library has no pool:
    `bench pool` leaves the backend out."""
    in_memory: bool = False
    """True for a null backend, which asks no server and knows only the sample rows."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        adopt_old_name(cls)


class Backend(_Backend):
    """A named sync library with an open pool."""

    mode = "sync"

    @abstractmethod
    def open(self, target: Target) -> AbstractContextManager[None]:
        """Open all connections of the pool; close them at the end. Accessors exist only within."""

    @abstractmethod
    def accessor(self) -> AbstractContextManager[Accessor]:
        """Open one session for the calling thread; return it to the pool at the end."""


class AsyncBackend(_Backend):
    """A named async library with an open pool."""

    mode = "async"

    @abstractmethod
    def open(self, target: Target) -> AbstractAsyncContextManager[None]:
        """Open all connections of the pool; close them at the end. Accessors exist only within."""

    @abstractmethod
    def accessor(self) -> AbstractAsyncContextManager[AsyncAccessor]:
        """Open one session for the calling task; return it to the pool at the end."""


AnyBackend = Backend | AsyncBackend
