"""psqlpy, a driver in Rust, without SQLAlchemy. It has no sync twin."""

from asyncio import CancelledError, LifoQueue
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psqlpy
from psqlpy.exceptions import Error

from accessors import sql
from accessors.api import AsyncAccessor, AsyncBackend, Line, Rows, Target
from accessors.connection_url import parameters, root_certificate
from accessors.rows import FlatCustomers, FlatOrders

_DEFAULT_BATCH = 1  # the default of psqlpy's array_size
_LEAST_POOL = 2  # psqlpy refuses a smaller pool
_CANCELLING = "gatherbench: cancel"
_TLS = ("sslmode", "sslrootcert")
_MODES = {
    "disable": psqlpy.SslMode.Disable,
    "allow": psqlpy.SslMode.Allow,
    "prefer": psqlpy.SslMode.Prefer,
    "require": psqlpy.SslMode.Require,
    "verify-ca": psqlpy.SslMode.VerifyCa,
    "verify-full": psqlpy.SslMode.VerifyFull,
}


@dataclass(frozen=True)
class _Session:
    """A connection, and what is needed to cancel its statement."""

    connection: psqlpy.Connection
    pid: int
    """The server process of the connection."""
    options: dict[str, Any]
    """The arguments of `psqlpy.connect`."""

    async def cancel(self) -> None:
        """Cancel the running statement through a new connection, and end the transaction.

        When a task is cancelled, psqlpy drops the answer. The server goes on with the statement,
        and the next one waits for it. psqlpy has no function to cancel a statement.
        """
        canceller = await psqlpy.connect(**self.options, application_name=_CANCELLING)
        await canceller.fetch_val("SELECT pg_cancel_backend($1)", [self.pid])
        # A late cancel stops the first of these two.
        with suppress(Error):
            await self.connection.execute_batch("ROLLBACK")
        await self.connection.execute_batch("ROLLBACK")


class PsqlpyAccessor(AsyncAccessor):
    reads = streamed_reads = sql.NUMBERED

    def __init__(self, session: _Session) -> None:
        self._session = session
        self._connection = session.connection

    async def fetch_all(self, read: str, *arguments: Any) -> Rows:
        try:
            # Rows are dicts by default. A dict has only one of several columns of one name.
            return (await self._connection.fetch(read, arguments)).result(as_tuple=True)
        except CancelledError:
            await self._session.cancel()
            raise

    async def fetch_value(self, read: str, *arguments: Any) -> Any:
        try:
            return await self._connection.fetch_val(read, arguments)
        except CancelledError:
            await self._session.cancel()
            raise

    @asynccontextmanager
    async def _cursor(self, read: str, arguments: Sequence[Any]) -> AsyncIterator[psqlpy.Cursor]:
        cursor = self._connection.cursor(read, arguments)
        try:
            await cursor.start()  # begins a transaction of its own
            yield cursor
        except CancelledError:
            await self._session.cancel()
            raise
        finally:
            # close() sends a rollback and does not wait for it. The empty statement waits for it.
            cursor.close()
            await self._connection.execute_batch("")

    @asynccontextmanager
    async def stream(
        self, read: str, *arguments: Any, batch_size: int | None = None
    ) -> AsyncIterator[AsyncIterator[Any]]:
        async with self._cursor(read, arguments) as cursor:
            yield _rows(cursor, batch_size or _DEFAULT_BATCH)

    @asynccontextmanager
    async def stream_batches(
        self, read: str, *arguments: Any, batch_size: int | None = None
    ) -> AsyncIterator[AsyncIterator[Rows]]:
        async with self._cursor(read, arguments) as cursor:
            yield _batches(cursor, batch_size or _DEFAULT_BATCH)

    async def insert_order_items(self, order_id: int, items: Sequence[Line]) -> None:
        try:
            await self._connection.execute_many(sql.INSERT_LINE, _lines(order_id, items))
        except CancelledError:
            await self._session.cancel()
            raise

    async def add_new_order_for_customer(self, customer_id: int, items: Sequence[Line]) -> int:
        transaction = self._connection.transaction()
        try:
            await transaction.begin()
            order: Any = await transaction.fetch_val(sql.INSERT_ORDER, [customer_id])
            await transaction.execute_many(sql.INSERT_LINE, _lines(order, items))
            await transaction.commit()
        except CancelledError:
            await self._session.cancel()
            raise
        except BaseException:
            await transaction.rollback()
            raise
        return int(order)


def _lines(order_id: int, items: Sequence[Line]) -> list[list[int]]:
    return [[order_id, *item] for item in items]


async def _batches(cursor: psqlpy.Cursor, size: int) -> AsyncIterator[Rows]:
    while batch := (await cursor.fetchmany(size)).result(as_tuple=True):
        yield batch


async def _rows(cursor: psqlpy.Cursor, size: int) -> AsyncIterator[Any]:
    # psqlpy's own iterator gives a result of `array_size` rows at a time.
    while batch := (await cursor.fetchmany(size)).result(as_tuple=True):
        for row in batch:
            yield row


class Psqlpy(AsyncBackend):
    name = driver = "psqlpy"
    layer = "driver"
    placeholders = "numbered"
    requires = {"psqlpy": "psqlpy"}
    shapes = {
        "get_customers": FlatCustomers,
        "get_orders_of_customer": FlatOrders,
        "get_orders_between_dates": FlatOrders,
    }
    card = {
        "rows": "tuple (as_tuple=True)",
        "pool": "asyncio.LifoQueue over the connections of a psqlpy.ConnectionPool",
        "prepared": "always, cached; a cursor's is prepared anew",
        "default_batch": f"{_DEFAULT_BATCH} (array_size)",
        "writes": "execute_many: pipelined, a statement a line; in a transaction with a savepoint",
    }
    # psqlpy begins a transaction only on request, so it has no implicit ones.
    transactions = ("autocommit",)

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[None]:
        options = await _options(target.url)
        pool = psqlpy.ConnectionPool(**options, max_db_pool_size=max(target.pool_size, _LEAST_POOL))
        # The pool connects on demand, and cannot tell which server process a connection has.
        # Therefore all are taken from it at the start.
        self._sessions: LifoQueue[_Session] = LifoQueue()
        try:
            for _ in range(target.pool_size):
                connection = await pool.connection()
                pid = await connection.fetch_val("SELECT pg_backend_pid()")
                self._sessions.put_nowait(_Session(connection, pid, options))
            yield
        finally:
            while not self._sessions.empty():
                self._sessions.get_nowait().connection.close()
            pool.close()

    @asynccontextmanager
    async def accessor(self) -> AsyncIterator[AsyncAccessor]:
        session = await self._sessions.get()
        try:
            yield PsqlpyAccessor(session)
        finally:
            self._sessions.put_nowait(session)


async def _options(url: str) -> dict[str, Any]:
    """Return the arguments of `psqlpy.connect` for a URL.

    psqlpy reads the URL itself, but TLS must be named beside it. It has no `sslmode=prefer` with
    TLS, so that is tried here once, as libpq does for every connection.
    """
    known = parameters(url)
    base, _, query = url.partition("?")
    rest = [pair for pair in query.split("&") if pair.partition("=")[0] not in _TLS]
    options: dict[str, Any] = {"dsn": f"{base}?{'&'.join(rest)}"}
    if known.get("host", "/").startswith("/"):  # no library uses TLS through a socket
        return options
    mode = known.get("sslmode", "prefer")
    if mode == "prefer":
        with_tls = options | {"ssl_mode": _MODES["require"]}
        with suppress(Error):
            (await psqlpy.connect(**with_tls)).close()
            return with_tls
    return options | {"ssl_mode": _MODES[mode], "ca_file": root_certificate(known)}


BACKENDS = (Psqlpy(),)
