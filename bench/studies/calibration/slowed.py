"""psycopg2, slowed down by a busy wait, so that `bench calibrate` has a difference to find.

These backends are not in the list of backends. A point read takes longer than with psycopg2 by a
given share. The wait holds the CPU and the GIL, as slower code would.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter_ns
from typing import Any

from accessors.api import Accessor
from accessors.sync.psycopg2 import Psycopg2, Psycopg2Accessor

SHARES = (0.05, 0.10, 0.20)
"""The busy waits, as shares of the call. The slowdown that they cause is measured."""


def name_of(share: float) -> str:
    return f"psycopg2-slowed-{share:.0%}"


class _SlowedAccessor(Psycopg2Accessor):
    def __init__(self, connection: Any, share: float) -> None:
        super().__init__(connection)
        self._share = share

    def get_total_cost_of_an_order(self, order_id: int) -> Any:
        start = perf_counter_ns()
        answer = super().get_total_cost_of_an_order(order_id)
        end = perf_counter_ns()
        until = end + (end - start) * self._share
        while perf_counter_ns() < until:
            pass
        return answer


class _Slowed(Psycopg2):
    def __init__(self, share: float) -> None:
        self.name = name_of(share)
        self._share = share

    @contextmanager
    def accessor(self) -> Iterator[Accessor]:
        connection = self._pool.getconn()
        try:
            connection.autocommit = self._autocommit
            yield _SlowedAccessor(connection, self._share)
        finally:
            self._pool.putconn(connection)


BACKENDS = tuple(_Slowed(share) for share in SHARES)
