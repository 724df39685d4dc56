"""Backends that are slower than a built-in one by a busy wait, and backends equal to it.

    bench run --backend-module bench.studies.calibration.slower \
        --backend asyncpg --backend asyncpg-slower-5-of-time --budget 60s

They reach the harness as a user's own backends do, so `bench power` slows code down from outside. A
wait holds the CPU and the GIL, as slower code would. Its length is a share of what the point read
takes in that process, counted while it runs.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, get_args

import accessors
from accessors.api import Accessor, AnyBackend, AsyncAccessor, AsyncBackend, Target
from bench.model.profiles import POINT_READ
from bench.studies.calibration.busy_wait import BusyWait, Of

SHARES = (0.02, 0.03, 0.05, 0.10, 0.20)
PLAIN = ("asyncpg", "psycopg-async", "psycopg2", "orm+asyncpg")
"""The backends that have a slower one."""


def slower(backend: str, share: float, of: Of) -> str:
    """Return the name of the slower backend; of the equal one for a share of 0."""
    return f"{backend}-slower-{share * 100:.0f}-of-{of}" if share else f"{backend}-equal"


def _asked_slowly(read: Callable[[int], Any], wait: BusyWait) -> Callable[[int], Any]:
    async def slowly(order_id: int) -> Any:
        answer = await read(order_id)
        wait()
        return answer

    return slowly


def _read_slowly(read: Callable[[int], Any], wait: BusyWait) -> Callable[[int], Any]:
    def slowly(order_id: int) -> Any:
        answer = read(order_id)
        wait()
        return answer

    return slowly


class _SlowerAsync:
    """A backend whose point read ends with a wait, one for all clients of a pool."""

    wanted: tuple[float, Of]

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[None]:
        self._wait = BusyWait(*self.wanted)
        async with super().open(target):  # type: ignore[misc]
            yield

    @asynccontextmanager
    async def accessor(self) -> AsyncIterator[AsyncAccessor]:
        async with super().accessor() as accessor:  # type: ignore[misc]
            setattr(accessor, POINT_READ, _asked_slowly(getattr(accessor, POINT_READ), self._wait))
            yield accessor


class _SlowerSync:
    """A backend whose point read ends with a wait, one for all clients of a pool."""

    wanted: tuple[float, Of]

    @contextmanager
    def open(self, target: Target) -> Iterator[None]:
        self._wait = BusyWait(*self.wanted)
        with super().open(target):  # type: ignore[misc]
            yield

    @contextmanager
    def accessor(self) -> Iterator[Accessor]:
        with super().accessor() as accessor:  # type: ignore[misc]
            setattr(accessor, POINT_READ, _read_slowly(getattr(accessor, POINT_READ), self._wait))
            yield accessor


def _variant(name: str, share: float, of: Of) -> AnyBackend:
    """Return a backend that is like the built-in one, but for its name and its wait."""
    plain = accessors.load(name)
    mixins: tuple[type, ...] = ()
    if share:
        mixins = (_SlowerAsync if isinstance(plain, AsyncBackend) else _SlowerSync,)
    variant: Any = object.__new__(type("Variant", (*mixins, type(plain)), {"wanted": (share, of)}))
    vars(variant).update(vars(plain), name=slower(name, share, of))
    backend: AnyBackend = variant
    return backend


BACKENDS: tuple[AnyBackend, ...] = (
    *(_variant(name, 0, "time") for name in PLAIN),
    *(_variant(name, share, of) for name in PLAIN for share in SHARES for of in get_args(Of)),
)
