"""What the fixture `async_benchmark` is: pytest-benchmark, inside a running event loop."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from functools import partial
from typing import Any, TypeVar

from async_benchmark.crowd import Crowd, Function, SessionFactory
from async_benchmark.inside import call_inside

Result = TypeVar("Result")


class AsyncBenchmark:
    """Times a coroutine function; belongs to one test, its event loop to the whole session."""

    def __init__(self, benchmark: Any, runner: asyncio.Runner) -> None:
        self.benchmark = benchmark
        """pytest-benchmark's own fixture: `group`, `extra_info` and the rest."""
        self._runner = runner

    def __call__(
        self,
        function: Callable[..., Coroutine[Any, Any, Result]],
        *arguments: Any,
        tasks: int = 1,
        session: SessionFactory | None = None,
        **named: Any,
    ) -> list[Result]:
        """Time `await function(*arguments, **named)` done by so many tasks at once.

        `session` makes an async context manager: each task enters one of its own before the clock
        starts, passes what it gives as the first argument of every call, and leaves it when all is
        measured. What is timed is one whole gather: a call by each of the tasks.

        Returns what the calls of the last gather returned, in the order of the tasks. Raises what
        a call or a session raises; `ValueError` for less than one task; `RuntimeError` where an
        event loop runs already, as in an `async def` test.
        """
        if tasks < 1:
            raise ValueError(f"tasks={tasks}: nobody can't be concurrent")
        _check_no_loop_runs()
        self.benchmark.extra_info["tasks"] = tasks

        def call(opened: Any) -> Coroutine[Any, Any, Result]:
            return function(*([opened] if session else []), *arguments, **named)

        return self._runner.run(self._measure(call, tasks, session or nullcontext))

    async def _measure(self, call: Function, tasks: int, session: SessionFactory) -> list[Any]:
        if tasks == 1:  # this task is the crowd: not even the event loop has to turn
            async with session() as opened:
                return [await call_inside(self.benchmark, partial(call, opened))]
        async with Crowd(call, tasks, session) as crowd:
            answers: list[Any] = await call_inside(self.benchmark, crowd.gather)
            return answers


def _check_no_loop_runs() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        "async_benchmark has an event loop of its own, and another runs here already: "
        "write `def test_...`, not `async def test_...`"
    )
