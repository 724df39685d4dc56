"""pg8000, a driver in pure Python, without SQLAlchemy. It has no async twin."""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from queue import LifoQueue
from typing import Any

import pg8000.dbapi

from accessors import sql
from accessors.api import Accessor, Backend, Line, Rows, Target
from accessors.connection_url import addresses, parameters, root_certificate
from accessors.rows import FlatCustomers, FlatOrders

_DEFAULT_BATCH = 100  # as psycopg's; pg8000 has no server-side cursor, and so no default
_INSERT_ORDER = sql.percent(sql.INSERT_ORDER)
_INSERT_LINE = sql.percent(sql.INSERT_LINE)


class Pg8000Accessor(Accessor):
    reads = streamed_reads = sql.PERCENT

    def __init__(self, connection: pg8000.dbapi.Connection) -> None:
        self.native = self._connection = connection

    def fetch_all(self, read: str, *arguments: Any) -> Rows:
        cursor = self._connection.cursor()
        cursor.execute(read, arguments)
        rows: Rows = cursor.fetchall()
        return rows

    def fetch_value(self, read: str, *arguments: Any) -> Any:
        cursor = self._connection.cursor()
        cursor.execute(read, arguments)
        row = cursor.fetchone()
        return row[0] if row else None

    @contextmanager
    def stream(
        self, read: str, *arguments: Any, batch_size: int | None = None
    ) -> Iterator[Iterator[Any]]:
        with self.stream_batches(read, *arguments, batch_size=batch_size) as batches:
            yield (row for batch in batches for row in batch)

    @contextmanager
    def stream_batches(
        self, read: str, *arguments: Any, batch_size: int | None = None
    ) -> Iterator[Iterator[Rows]]:
        # fetchmany() would only divide rows that are all in memory already. DECLARE and FETCH are
        # what SQLAlchemy's dialect for pg8000 sends too.
        with self._transaction() as connection:
            connection.cursor().execute(f"DECLARE stream NO SCROLL CURSOR FOR {read}", arguments)
            fetch = f"FETCH {batch_size or _DEFAULT_BATCH} FROM stream"
            yield iter(partial(self.fetch_all, fetch), ())

    @contextmanager
    def iterate(self, read: str, *arguments: Any) -> Iterator[Iterator[Any]]:
        """Yield a client-side cursor. It is no stream: all rows are in memory before the first."""
        cursor = self._connection.cursor()
        cursor.execute(read, arguments)
        yield iter(cursor)

    @contextmanager
    def _transaction(self) -> Iterator[pg8000.dbapi.Connection]:
        connection = self._connection
        # Setting it sends nothing. A statement begins a transaction if none is open.
        autocommit, connection.autocommit = connection.autocommit, False
        try:
            yield connection
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        finally:
            connection.autocommit = autocommit

    def insert_order_items(self, order_id: int, items: Sequence[Line]) -> None:
        with self._transaction() as connection:
            self._insert_lines(connection, order_id, items)

    def add_new_order_for_customer(self, customer_id: int, items: Sequence[Line]) -> int:
        with self._transaction() as connection:
            order_id: int = self.fetch_value(_INSERT_ORDER, customer_id)
            self._insert_lines(connection, order_id, items)
            return order_id

    @staticmethod
    def _insert_lines(
        connection: pg8000.dbapi.Connection, order_id: int, items: Sequence[Line]
    ) -> None:
        connection.cursor().executemany(_INSERT_LINE, [(order_id, *item) for item in items])


class Pg8000(Backend):
    name = driver = "pg8000"
    layer = "driver"
    placeholders = "percent_outside"  # it leaves quoted texts as they are
    also = ("iterate",)
    requires = {"pg8000": "pg8000"}
    shapes = {
        "get_customers": FlatCustomers,
        "get_orders_of_customer": FlatOrders,
        "get_orders_between_dates": FlatOrders,
    }
    card = {
        "rows": "list",
        "pool": "queue.LifoQueue: pg8000 has no pool",
        "prepared": "never kept: with parameters, parsed at each use in 3 round trips",
        "default_batch": f"{_DEFAULT_BATCH} (FETCH)",
        "writes": "executemany: a statement a line, 3 round trips each",
    }

    @contextmanager
    def open(self, target: Target) -> Iterator[None]:
        self._pool: LifoQueue[pg8000.dbapi.Connection] = LifoQueue()
        with ExitStack() as connections:
            for _ in range(target.pool_size):
                connection = connections.enter_context(closing(connect(target.url)))
                connection.autocommit = target.transactions == "autocommit"
                self._pool.put(connection)
            yield

    @contextmanager
    def accessor(self) -> Iterator[Accessor]:
        connection = self._pool.get()
        try:
            yield Pg8000Accessor(connection)
        finally:
            try:
                connection.rollback()  # sends nothing if no transaction is open
            finally:
                self._pool.put(connection)


def connect(url: str, **options: Any) -> pg8000.dbapi.Connection:
    """Return a connection to the first host of the URL that can be reached.

    `options`: further arguments of `pg8000.dbapi.connect`. Raises the error of the last host.
    """
    known = parameters(url)
    arguments: dict[str, Any] = {
        "user": known.get("user"),
        "password": known.get("password"),
        "database": known.get("dbname"),
        "application_name": known.get("application_name"),
        "tcp_keepalive": known.get("keepalives") != "0",
        "startup_params": {
            name: known[name] for name in ("client_encoding", "options") if name in known
        },
        **options,
    }
    *others, last = addresses(known)
    for host, port in others:
        try:
            return pg8000.dbapi.connect(**_address(known, host, port), **arguments)
        except pg8000.dbapi.InterfaceError:
            continue
    return pg8000.dbapi.connect(**_address(known, *last), **arguments)


def _address(known: dict[str, str], host: str, port: int) -> dict[str, Any]:
    """Return the arguments that name one server and say how TLS is used."""
    if host.startswith("/"):  # no library uses TLS through a socket
        return {"unix_sock": f"{host}/.s.PGSQL.{port}", "ssl_context": False}
    return {"host": host, "port": port, "ssl_context": _tls(known)}


def _tls(known: dict[str, str]) -> ssl.SSLContext | bool | None:
    """Return False for no TLS, None for TLS if the server has it, or the context that is used."""
    mode = known.get("sslmode", "prefer")
    if mode == "disable":
        return False
    if mode in ("allow", "prefer"):
        return None
    authorities = root_certificate(known)
    context = ssl.create_default_context(cafile=authorities)
    context.check_hostname = mode == "verify-full"
    if authorities is None:
        context.verify_mode = ssl.CERT_NONE
    if certificate := known.get("sslcert"):
        context.load_cert_chain(certificate, known.get("sslkey"), known.get("sslpassword"))
    return context


BACKENDS = (Pg8000(),)
