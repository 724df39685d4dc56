"""The matrix: every backend in every transactions mode, with one synchronous interface for both.

An answer is never compared with that of another accessor. It is written by hand, or made in Python
from the bare tables (`truth`).
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from inspect import isawaitable
from typing import Any

import psycopg
import pytest
from session_guard import violations
from session_guard.install import guard_everything, unguard_everything

from accessors import load
from accessors.api import AnyBackend, Target
from accessors.sql import SCHEMA
from bench.dataset import loading as dataset
from bench.model.dataset import Dataset
from bench.server.database import Database
from bench.server.embedded import EmbeddedServer
from bench.server.url import changed
from tests.databases import new_database
from tests.installed import INSTALLED

SMALL = Dataset(scale=0.01, seed=1)
MATRIX = [
    (name, mode)
    for name in INSTALLED
    for mode in load(name).transactions
    if mode == "autocommit" or not load(name).in_memory  # a null backend has no transactions
]

_number = itertools.count(1)


class Session:
    """The accessor of one session. Each of its functions is a plain call."""

    def __init__(self, library: "Library", accessor: Any) -> None:
        self.accessor = accessor
        self._library = library

    def __getattr__(self, function: str) -> Callable[..., Any]:
        method = getattr(self.accessor, function)
        return lambda *arguments: self._library.wait(method(*arguments))

    @contextmanager
    def stream(
        self, function: str, *arguments: Any, batches: bool = False, batch_size: int | None = None
    ) -> Iterator[Iterator[Any]]:
        """Yield the rows, or batches, of `get_...`, streamed."""
        name = function.replace("get_", "stream_", 1) + ("_batches" if batches else "")
        context = getattr(self.accessor, name)(*arguments, batch_size=batch_size)
        with self._library.entered(context) as found:
            yield self._library.each(found)

    def answers(self, function: str, *arguments: Any) -> list[dict[str, Any]]:
        """Return the answer of a read as plain dicts."""
        return self._library.dicts(function, getattr(self, function)(*arguments))


class Library:
    """A backend of either mode, with synchronous calls."""

    def __init__(self, backend: AnyBackend, transactions: str, url: str) -> None:
        # A copy: a backend is one object per process, and can be open only once.
        self.backend: Any = copy(backend)
        self.transactions = transactions
        self.application = f"conformance-{next(_number)}"
        self.runner: asyncio.Runner | None = None
        self._url = url

    def another(self) -> "Library":
        """Return another closed library for the same backend, with connections of its own."""
        return Library(self.backend, self.transactions, self._url)

    @contextmanager
    def opened(self, pool_size: int = 1) -> Iterator["Library"]:
        url = changed(self._url, application_name=self.application)
        target = Target(url, pool_size, self.transactions)
        if self.backend.mode == "sync":
            with self.backend.open(target):
                yield self
            return
        with asyncio.Runner() as self.runner, self.entered(self.backend.open(target)):
            yield self

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.entered(self.backend.accessor()) as accessor:
            yield Session(self, accessor)

    def wait(self, answer: Any) -> Any:
        if not isawaitable(answer):
            return answer
        assert self.runner is not None

        async def awaited() -> Any:
            return await answer

        return self.runner.run(awaited())

    @contextmanager
    def entered(self, context: Any) -> Iterator[Any]:
        if self.backend.mode == "sync":
            with context as value:
                yield value
            return
        value = self.wait(context.__aenter__())
        try:
            yield value
        except BaseException as error:
            if not self.wait(context.__aexit__(type(error), error, error.__traceback__)):
                raise
        else:
            self.wait(context.__aexit__(None, None, None))

    def each(self, rows: Any) -> Iterator[Any]:
        if self.backend.mode == "sync":
            yield from rows
            return
        iterator, end = aiter(rows), object()
        while (row := self.wait(anext(iterator, end))) is not end:
            yield row

    def dicts(self, function: str, rows: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.backend.shapes[function]().dicts(rows)
        return found


class Observer:
    """A separate connection that reads the work and the states of the others."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self.connection = connection

    def rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, arguments).fetchall()

    def states(self, library: Library) -> list[str]:
        """Return the states of the library's connections, as the server reports them."""
        query = "SELECT state FROM pg_stat_activity WHERE application_name = %s ORDER BY pid"
        return [state for (state,) in self.rows(query, library.application)]

    def waits(self, library: Library, event_type: str) -> bool:
        """Return whether a statement of the library is in a wait event of this type.

        The state "active" would be too early to cancel the statement: it begins with the Parse
        message, and the server ignores a cancel that comes before the Execute message.
        """
        condition = "application_name = %s AND wait_event_type = %s"
        query = f"SELECT FROM pg_stat_activity WHERE {condition}"
        return bool(self.rows(query, library.application, event_type))

    def settles(self, library: Library, *wanted: list[str], within_s: float = 30) -> bool:
        """Return whether the states of the library's connections become one of these lists.

        The server process of an abandoned connection takes some time to end.
        """
        deadline = time.monotonic() + within_s
        while self.states(library) not in wanted:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def gone(self, library: Library) -> bool:
        """Return whether all connections of the library end."""
        return self.settles(library, [])

    def counts(self) -> tuple[int, int]:
        """Return the numbers of orders and of lines."""
        tables = (f"(SELECT count(*) FROM {SCHEMA}.{table})" for table in ("orders", "order_items"))
        ((orders, lines),) = self.rows(f"SELECT {', '.join(tables)}")
        return orders, lines

    def lines(self, order_id: int) -> list[tuple[int, int]]:
        query = f"SELECT item_id, quantity FROM {SCHEMA}.order_items WHERE order_id = %s ORDER BY 1"
        return self.rows(query, order_id)


class Truth:
    """Every answer, made in Python from the bare tables."""

    def __init__(self, observer: Observer) -> None:
        def table(name: str) -> list[tuple[Any, ...]]:
            return observer.rows(f"SELECT * FROM {SCHEMA}.{name} ORDER BY 1, 2")

        places = {i: {"flat_number": flat, "post_code": code} for i, flat, code in table("address")}
        people = table("customer")
        names = {i: name for i, name, _ in people}
        items = {i: (name, price) for i, name, price, _ in table("item")}
        self.customers = [{"name": name, "address": places[place]} for _, name, place in people]
        self._orders = {
            i: {"order_id": i, "customer_name": names[who], "order_time": when, "items": []}
            for i, who, when in table("orders")
        }
        for order, item, quantity in table("order_items"):
            name, price = items[item]
            line = {"name": name, "price": price, "quantity": quantity, "total": price * quantity}
            self._orders[order]["items"].append(line)

    def between(self, after: datetime, before: datetime) -> list[dict[str, Any]]:
        return [order for order in self._orders.values() if after <= order["order_time"] <= before]


@pytest.fixture(scope="module", autouse=True)
def _guarded() -> Iterator[None]:
    """Guard each session of our own accessors: they keep the rule too."""
    guard_everything()
    yield
    unguard_everything()


@pytest.fixture(autouse=True)
def _one_session_per_task() -> Iterator[None]:
    violations(clear=True)
    yield
    assert violations() == ()


@pytest.fixture(scope="session")
def shop(server: EmbeddedServer) -> Iterator[Database]:
    """Yield a loaded database. A test that writes uses `restored`."""
    with new_database(server) as database:
        with database.connect() as connection:
            dataset.ensure(connection, SMALL)
        yield database


@pytest.fixture(scope="session")
def observer(shop: Database) -> Iterator[Observer]:
    with shop.connect() as connection:
        yield Observer(connection)


@pytest.fixture(scope="session")
def truth(observer: Observer) -> Truth:
    return Truth(observer)


@pytest.fixture
def restored(observer: Observer) -> Iterator[None]:
    """Restore the rows after this test."""
    yield
    dataset.restore(observer.connection, SMALL)


@pytest.fixture(scope="module", params=MATRIX, ids="-".join)
def closed_library(request: pytest.FixtureRequest, shop: Database) -> Library:
    """Return a backend and a transactions mode, not open yet."""
    name, transactions = request.param
    return Library(load(name), transactions, shop.url)


@pytest.fixture(scope="module")
def library(closed_library: Library) -> Iterator[Library]:
    """Yield a backend with an open pool of one connection."""
    with closed_library.opened():
        yield closed_library


@pytest.fixture
def session(library: Library) -> Iterator[Session]:
    with library.session() as opened:
        yield opened


@pytest.fixture
def on_server(closed_library: Library) -> None:
    """Leave out the null backends."""
    if closed_library.backend.in_memory:
        pytest.skip("null asks no server: it knows the sample alone, and checks and keeps nothing")
