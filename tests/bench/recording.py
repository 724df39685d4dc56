"""Backends that note who opened which session and asked what, and that do as a test tells them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from accessors.aio.psycopg import AsyncPsycopg, AsyncPsycopgAccessor
from accessors.api import Target
from accessors.sync.psycopg import Psycopg, PsycopgAccessor

Call = tuple[object, int, tuple[Any, ...]]


@dataclass
class Record:
    """The calls that a backend has seen since the record was cleared."""

    sessions: list[tuple[object, int]] = field(default_factory=list)
    """The client that opened each session, and its server process."""
    calls: list[Call] = field(default_factory=list)
    """The client of each call, its session and its arguments."""
    targets: list[Target] = field(default_factory=list)
    act: Callable[[], None] = lambda: None
    """Called before each call."""
    refuse: Callable[[], None] = lambda: None
    """Called before each session opens."""


record = Record()


class _Accessor(PsycopgAccessor):
    def get_total_cost_of_an_order(self, order_id: int) -> Any:
        record.calls.append((threading.get_ident(), self._connection.info.backend_pid, (order_id,)))
        record.act()
        return super().get_total_cost_of_an_order(order_id)


class Recording(Psycopg):
    name = "recording"

    @contextmanager
    def open(self, target: Target) -> Iterator[None]:
        record.targets.append(target)
        with super().open(target):
            yield

    @contextmanager
    def accessor(self) -> Iterator[Any]:
        record.refuse()
        with self._pool.connection(timeout=self._pool_timeout_s) as connection:
            record.sessions.append((threading.get_ident(), connection.info.backend_pid))
            yield _Accessor(connection)


class _AsyncAccessor(AsyncPsycopgAccessor):
    async def get_total_cost_of_an_order(self, order_id: int) -> Any:
        task = asyncio.current_task()
        record.calls.append((task, self._connection.info.backend_pid, (order_id,)))
        record.act()
        return await super().get_total_cost_of_an_order(order_id)

    async def get_customers(self) -> Any:
        record.act()
        return await super().get_customers()


class AsyncRecording(AsyncPsycopg):
    name = "recording-async"

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[None]:
        record.targets.append(target)
        async with super().open(target):
            yield

    @asynccontextmanager
    async def accessor(self) -> AsyncIterator[Any]:
        record.refuse()
        async with self._pool.connection(timeout=self._pool_timeout_s) as connection:
            record.sessions.append((asyncio.current_task(), connection.info.backend_pid))
            yield _AsyncAccessor(connection)


BACKENDS = (Recording(), AsyncRecording())
