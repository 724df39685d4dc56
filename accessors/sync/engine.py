"""One engine per process. Its pool has one open connection per client before the first call."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from sqlalchemy import Engine, create_engine

from accessors.api import Target
from accessors.engine_arguments import connect_arguments, kept_connections, pool_arguments

# SQLAlchemy 2.1 is installed without greenlet. Both modes need it: the mapped base has AsyncAttrs.
_SQLALCHEMY = {"sqlalchemy": "sqlalchemy[asyncio]", "greenlet": "sqlalchemy[asyncio]"}
REQUIRES = {
    "psycopg2": _SQLALCHEMY | {"psycopg2": "psycopg2-binary"},
    "psycopg": _SQLALCHEMY | {"psycopg": "psycopg[binary]"},
    "pg8000": _SQLALCHEMY | {"pg8000": "pg8000"},
}

_POOL = "QueuePool, no overflow"
CARD = {
    "psycopg2": {
        "pool": _POOL,
        "prepared": "never",
        "default_batch": "Core 1 growing to 1000; ORM all rows",
        "writes": "insertmanyvalues: all lines in one statement",
    },
    "psycopg": {
        "pool": _POOL,
        "prepared": "after 5 uses on a connection",
        "default_batch": "Core 1 growing to 1000; ORM all rows",
        "writes": "executemany: pipelined, a statement a line",
    },
    "pg8000": {
        "pool": _POOL,
        "prepared": "never kept: with parameters, parsed at each use in 3 round trips",
        "default_batch": "Core 1 growing to 1000; ORM all rows",
        "writes": "executemany: a statement a line, 3 round trips each",
    },
}


def _connect(driver: str) -> Callable[..., Any]:
    # The driver's own connect function, so that every library gets the same URL in the same form.
    if driver == "psycopg2":
        import psycopg2

        return psycopg2.connect
    if driver == "pg8000":
        from accessors.sync.pg8000 import connect

        return connect
    import psycopg

    return psycopg.Connection.connect


@contextmanager
def open_engine(driver: str, target: Target) -> Iterator[Engine]:
    """Yield an engine on `target` with every connection of its pool open; then dispose of it."""
    autocommit = {"isolation_level": "AUTOCOMMIT"} if target.transactions == "autocommit" else {}
    connect = partial(_connect(driver), target.url, **connect_arguments(target))
    make = target.make_engine or create_engine
    engine: Engine = make(
        f"postgresql+{driver}://",
        creator=connect,
        **(pool_arguments(target) | autocommit),
    )
    try:
        with ExitStack() as connections:
            for _ in range(kept_connections(target)):
                connections.enter_context(engine.connect())
        yield engine
    finally:
        engine.dispose()
