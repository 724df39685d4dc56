"""The null backends with a known service time, for claims about queues.

They are not in the list of backends. A point read sleeps for an exponential time. The null
backend's answer costs next to nothing, so that the service time is the sleep.
"""

from asyncio import sleep as async_sleep
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from random import Random
from time import sleep
from typing import Any

from accessors.api import Accessor, AsyncAccessor
from accessors.null import AsyncNull, AsyncNullAccessor, Null, NullAccessor

MEAN_S = 0.004
"""The mean service time. A sleep is a tenth of a millisecond too long: that is measured with it."""


class _ServingAccessor(NullAccessor):
    draw: Random

    def get_total_cost_of_an_order(self, order_id: int) -> Any:
        sleep(self.draw.expovariate(1 / MEAN_S))
        return super().get_total_cost_of_an_order(order_id)


class _AsyncServingAccessor(AsyncNullAccessor):
    draw: Random

    async def get_total_cost_of_an_order(self, order_id: int) -> Any:
        await async_sleep(self.draw.expovariate(1 / MEAN_S))
        return await super().get_total_cost_of_an_order(order_id)


class _Serving(Null):
    name = "serving"

    @contextmanager
    def accessor(self) -> Iterator[Accessor]:
        made = _ServingAccessor(self._order_ids)
        made.draw = Random(next(self._order_ids))
        yield made


class _AsyncServing(AsyncNull):
    name = "serving-async"

    @asynccontextmanager
    async def accessor(self) -> AsyncIterator[AsyncAccessor]:
        made = _AsyncServingAccessor(self._order_ids)
        made.draw = Random(next(self._order_ids))
        yield made


BACKENDS = (_Serving(), _AsyncServing())
