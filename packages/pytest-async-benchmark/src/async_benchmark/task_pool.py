"""A fixed number of tasks, each with a session of its own, that make one call at the same time."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self

from async_benchmark.bridge import CoroutineFunction

OpenCall = Callable[[], AbstractAsyncContextManager[CoroutineFunction]]
"""Opens a session, gives the function to call with it, and closes the session at the end."""

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


class TaskPool:
    """Tasks that wait for `gather`. Entering the pool opens a session in every task.

    One task opens, uses and closes its session; no other task touches it. Leaving the pool closes
    every session.
    """

    def __init__(self, open_call: OpenCall, tasks: int) -> None:
        self._open_call = open_call
        self._size = tasks
        self._tasks: list[asyncio.Task[None]] = []
        self._orders: list[asyncio.Future[Arguments | None]] = []
        """One future per task, which gives the arguments of its next call, or None to end it."""
        self._answers: list[Any] = [None] * tasks
        self._missing = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._new_future = loop.create_future
        self._orders = [self._new_future() for _ in range(self._size)]
        opened = self._expect_all()
        self._tasks = [loop.create_task(self._work(number)) for number in range(self._size)]
        try:
            await opened
        except BaseException:
            await self._cancel()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            await self._cancel()
            return
        for order in self._orders:
            order.set_result(None)
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ended, BaseException):
                raise ended

    def gather(self, *arguments: Any, **named: Any) -> "asyncio.Future[list[Any]]":
        """Start one call in every task; the future has what they return, or the first error.

        `asyncio.gather` would need three wake-ups a task. This needs one a task and one for the
        whole, so that the calls are what is timed.
        """
        done = self._expect_all()
        for order in self._orders:
            order.set_result((arguments, named))
        return done

    def _expect_all(self) -> "asyncio.Future[list[Any]]":
        self._missing = self._size
        self._done: asyncio.Future[list[Any]] = self._new_future()
        return self._done

    def _finish(self, number: int, answer: Any = None) -> None:
        self._answers[number] = answer
        self._missing -= 1
        if not self._missing and not self._done.done():
            self._done.set_result(self._answers.copy())

    async def _work(self, number: int) -> None:
        try:
            async with self._open_call() as call:
                self._finish(number)
                while order := await self._orders[number]:
                    arguments, named = order
                    self._orders[number] = self._new_future()
                    self._finish(number, await call(*arguments, **named))
        except BaseException as error:
            # Also pytest.skip(), KeyboardInterrupt and a cancellation: the task that waits for the
            # gather must get them, or it would wait for ever.
            if self._done.done():  # no task waits any more, as when a session fails to close
                raise
            self._done.set_exception(error)

    async def _cancel(self) -> None:
        """Cancel the tasks, so that they close their sessions. Errors of closing are dropped:
        another error is the reason why the pool is left."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
