"""So many tasks, each with a session of its own, that all make one call whenever they are told."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import Any, Self

SessionFactory = Callable[[], AbstractAsyncContextManager[Any]]
"""Such as `async_sessionmaker(engine)`, or `pool.acquire` of asyncpg."""

Function = Callable[..., Coroutine[Any, Any, Any]]
"""Takes what the session factory gives."""


class Crowd:
    """On entering, every task has opened its session; on leaving, it has closed it.

    A session is opened, used and closed by one task, and no other touches it.
    """

    def __init__(self, function: Function, tasks: int, session: SessionFactory) -> None:
        self._function = function
        self._size = tasks
        self._session = session
        self._tasks: list[asyncio.Task[None]] = []
        self._orders: list[asyncio.Future[bool]] = []
        """What each of those who wait is told: True to make a call, False to go."""
        self._answers: list[Any] = [None] * tasks
        self._awaited = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._new_future = loop.create_future
        self._orders = [self._new_future() for _ in range(self._size)]
        opened = self._begin()
        self._tasks = [loop.create_task(self._live(seat)) for seat in range(self._size)]
        try:
            await opened
        except BaseException:
            await self._give_up()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            await self._give_up()
            return
        for order in self._orders:
            order.set_result(False)
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ended, BaseException):
                raise ended

    def gather(self) -> "asyncio.Future[list[Any]]":
        """One call by each, all at once; what they return, or the first error.

        As `asyncio.gather`, with a wake-up a task and one for the whole, where that has three a
        task: what is timed is the calls.
        """
        done = self._begin()
        for order in self._orders:
            order.set_result(True)
        return done

    def _begin(self) -> "asyncio.Future[list[Any]]":
        self._awaited = self._size
        self._done: asyncio.Future[list[Any]] = self._new_future()
        return self._done

    def _end(self, seat: int, answer: Any = None) -> None:
        self._answers[seat] = answer
        self._awaited -= 1
        if not self._awaited and not self._done.done():
            self._done.set_result(self._answers.copy())

    async def _live(self, seat: int) -> None:
        try:
            async with self._session() as opened:
                call = partial(self._function, opened)
                self._end(seat)
                while await self._orders[seat]:
                    self._orders[seat] = self._new_future()
                    self._end(seat, await call())
        except Exception as error:
            if self._done.done():  # too late to be anybody's answer, as when a session closes
                raise
            self._done.set_exception(error)

    async def _give_up(self) -> None:
        """Cancelled as they are, they close their sessions; what fails now is not the reason."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
