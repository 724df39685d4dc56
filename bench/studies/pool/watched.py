"""A backend whose pool is watched: each wait for a connection, and each that ends without one."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from time import perf_counter_ns
from typing import Any

from accessors.api import AnyBackend, AsyncBackend
from accessors.connect_options import ENGINE

_NONE_FREE = (
    "asyncpg TimeoutError",
    "psycopg_pool PoolTimeout",
    "psycopg2 PoolError",
    "sqlalchemy TimeoutError",
)
"""Errors of a pool without a free connection: the package of the pool, and the class."""


class NoConnectionError(Exception):
    """A client got no connection from the pool. Its text is the library's own."""


class PoolWatch:
    """The waits of all clients for a connection, and the connections that were opened."""

    def __init__(self) -> None:
        self.waits: list[tuple[int, int]] = []
        """Start and end of each wait that ended with a connection, in ns."""
        self.timeouts: list[tuple[int, int, str]] = []
        """Start, end and text of each wait that ended without a connection."""
        self.opened_ns: list[int] = []
        """Times at which SQLAlchemy opened a connection."""

    def got(self, start_ns: int) -> None:
        """Note that the wait since `start_ns` has ended with a connection."""
        self.waits.append((start_ns, perf_counter_ns()))

    def failed(self, package: str, error: BaseException, start_ns: int | None = None) -> None:
        """Note a wait since `start_ns` without a connection, and raise `NoConnectionError`.

        None: it was no wait, but the return of a connection.
        Returns for any other error.
        """
        name = type(error).__name__
        if f"{package} {name}" in _NONE_FREE:
            text = str(error).partition(" (Background on this error")[0].strip()
            words = f"{name}: {text}" if text else name
            now_ns = perf_counter_ns()
            self.timeouts.append((now_ns if start_ns is None else start_ns, now_ns, words))
            raise NoConnectionError(words) from error


@contextmanager
def watched(backend: AnyBackend) -> Iterator[tuple[AnyBackend, PoolWatch]]:
    """Yield the backend in a form that fills the watch.

    SQLAlchemy takes a connection at the first statement of a session, so its pool is watched. The
    others take one when a session is opened.
    """
    watch = PoolWatch()
    if ENGINE in backend.connect_options:
        with _pools_of_sqlalchemy(watch):
            yield backend, watch
    else:
        yield _with_watched_sessions(backend, watch), watch


@contextmanager
def _pools_of_sqlalchemy(watch: PoolWatch) -> Iterator[None]:
    from sqlalchemy import event
    from sqlalchemy.pool import Pool, PoolProxiedConnection

    original = Pool.connect

    def connect(self: Pool) -> PoolProxiedConnection:
        start_ns = perf_counter_ns()
        try:
            connection = original(self)
        except Exception as error:
            watch.failed("sqlalchemy", error, start_ns)
            raise
        watch.got(start_ns)
        return connection

    def opened(*_: Any) -> None:
        watch.opened_ns.append(perf_counter_ns())

    Pool.connect = connect  # type: ignore[method-assign]
    event.listen(Pool, "connect", opened)
    try:
        yield
    finally:
        event.remove(Pool, "connect", opened)
        Pool.connect = original  # type: ignore[method-assign]


def _with_watched_sessions(backend: AnyBackend, watch: PoolWatch) -> AnyBackend:
    """Make the backend's sessions watched ones. It is this process's own copy."""
    plain: Any = backend.accessor
    package = "psycopg_pool" if backend.driver == "psycopg" else backend.driver
    session = _AsyncWait if isinstance(backend, AsyncBackend) else _Wait
    setattr(backend, "accessor", lambda: session(plain(), watch, package))  # noqa: B010
    return backend


class _Wait:
    def __init__(
        self, session: AbstractContextManager[Any], watch: PoolWatch, package: str
    ) -> None:
        self._session, self._watch, self._package = session, watch, package

    def __enter__(self) -> Any:
        start_ns = perf_counter_ns()
        try:
            accessor = self._session.__enter__()
        except Exception as error:
            self._watch.failed(self._package, error, start_ns)
            raise
        self._watch.got(start_ns)
        return accessor

    def __exit__(self, *error: Any) -> bool | None:
        try:
            return self._session.__exit__(*error)
        except Exception as late:
            # asyncpg's release has the timeout of its acquire: a reset that takes longer ends it.
            # https://magicstack.github.io/asyncpg/current/api/index.html#asyncpg.pool.Pool.release
            self._watch.failed(self._package, late)
            raise


class _AsyncWait:
    def __init__(
        self, session: AbstractAsyncContextManager[Any], watch: PoolWatch, package: str
    ) -> None:
        self._session, self._watch, self._package = session, watch, package

    async def __aenter__(self) -> Any:
        start_ns = perf_counter_ns()
        try:
            accessor = await self._session.__aenter__()
        except Exception as error:
            self._watch.failed(self._package, error, start_ns)
            raise
        self._watch.got(start_ns)
        return accessor

    async def __aexit__(self, *error: Any) -> bool | None:
        try:
            return await self._session.__aexit__(*error)
        except Exception as late:
            # asyncpg's release has the timeout of its acquire: a reset that takes longer ends it.
            # https://magicstack.github.io/asyncpg/current/api/index.html#asyncpg.pool.Pool.release
            self._watch.failed(self._package, late)
            raise
