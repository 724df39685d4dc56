"""The object that the fixture `async_benchmark` gives: pytest-benchmark inside an event loop."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from async_benchmark.arguments import (
    SessionFactory,
    as_coroutine_function,
    call_with_session,
    check_no_pedantic_option,
    check_session,
    check_tasks,
    coroutine_function,
)
from async_benchmark.bridge import Blocking, CoroutineFunction, call_with_blocking
from async_benchmark.loops import run_in
from async_benchmark.task_pool import OpenCall, TaskPool

Result = TypeVar("Result")

Measure = Callable[[CoroutineFunction, Blocking], Any]
"""Runs pytest-benchmark on a coroutine function, which the second argument makes a plain one."""


class Results(list[Result]):
    """The values that the calls of the last gather returned, in the order of the tasks.

    In an `async def` test it is empty until it is awaited: `await async_benchmark(...)` times the
    function and gives the filled list.
    """

    def __init__(
        self, measurement: Callable[[], Awaitable[Iterable[Result]]] | None = None
    ) -> None:
        super().__init__()
        self._measurement = measurement

    @property
    def is_pending(self) -> bool:
        return self._measurement is not None

    def __await__(self) -> "Generator[Any, None, Results[Result]]":
        measurement, self._measurement = self._measurement, None
        if measurement:
            self.extend((yield from measurement().__await__()))
        return self

    def __repr__(self) -> str:
        return (
            "<not awaited: await async_benchmark(...)>" if self.is_pending else super().__repr__()
        )


class AsyncBenchmark:
    """Times a coroutine function; belongs to one test.

    A `def` test gets the results at once, from the event loop of `async_benchmark_loop`. Where a
    loop runs, as in an `async def` test, that loop is used, and the results have to be awaited.
    """

    def __init__(
        self, benchmark: Any, loop: asyncio.AbstractEventLoop, *, in_async_test: bool
    ) -> None:
        self.benchmark = benchmark
        """pytest-benchmark's own fixture: `group`, `extra_info`, `stats` and the rest."""
        self._loop = loop
        self._in_async_test = in_async_test
        self._pending: list[Results[Any]] = []

    if not TYPE_CHECKING:  # a type checker is to know the attributes that there are

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(_not_here(name, self.__dict__.get("benchmark")))

        def __setattr__(self, name: str, value: Any) -> None:
            benchmark = self.__dict__.get("benchmark")
            if not name.startswith("_") and hasattr(benchmark, name):
                raise AttributeError(_not_here(name, benchmark))
            super().__setattr__(name, value)

    def __call__(
        self,
        function: Callable[..., Awaitable[Result]],
        /,
        *arguments: Any,
        tasks: int = 1,
        session: SessionFactory | None = None,
        **named: Any,
    ) -> Results[Result]:
        """Time `await function(*arguments, **named)`, done by `tasks` tasks at the same time.

        pytest-benchmark decides the number of rounds; `pedantic` takes it. What is timed is one
        whole gather: one call by each task. `session` makes an async context manager: each task
        enters one of its own before the clock starts, passes its value as first argument of every
        call, and leaves it after the last.

        Returns the results of the last gather, to be awaited where an event loop runs. Raises
        what a call or a session raises; `TypeError` for a function whose calls can't be awaited,
        a session that can't be opened, and an option of `pedantic` that the function doesn't
        take; `ValueError` for less than one task; pytest-benchmark's `FixtureAlreadyUsed` for a
        second use in a test.
        """
        checked = coroutine_function(function)
        check_no_pedantic_option(function, named)

        def measure(call: CoroutineFunction, blocking: Blocking) -> Any:
            # Bound outside the clock, not passed at every call.
            return self.benchmark(blocking(partial(call, *arguments, **named)))

        return self._results(checked, tasks, session, measure)

    def pedantic(
        self,
        target: Callable[..., Awaitable[Result]],
        args: Iterable[Any] = (),
        kwargs: dict[str, Any] | None = None,
        setup: Callable[[], Any] | None = None,
        teardown: Callable[..., Any] | None = None,
        rounds: int = 1,
        warmup_rounds: int = 0,
        iterations: int = 1,
        *,
        tasks: int = 1,
        session: SessionFactory | None = None,
    ) -> Results[Result]:
        """Time `await target(*args, **kwargs)` for a fixed number of rounds and iterations.

        The arguments are those of pytest-benchmark's `benchmark.pedantic`, with its rules. `setup`
        runs before each round, outside the clock; it may return `(args, kwargs)` for the calls of
        that round, instead of `args` and `kwargs`, and excludes `iterations` above 1. `teardown`
        gets the same arguments after each round. Both may be plain or async; async ones run in the
        loop of the calls. Each runs once a round, however many tasks there are.
        `tasks` and `session` are those of the plain call.

        Returns and raises what the plain call does; also `ValueError` and `TypeError` for rounds,
        iterations and setups that exclude each other, from pytest-benchmark.
        """
        checked = coroutine_function(target)

        def measure(call: CoroutineFunction, blocking: Blocking) -> Any:
            return self.benchmark.pedantic(
                blocking(call),
                args=args,
                kwargs=kwargs,
                setup=setup and blocking(as_coroutine_function(setup)),
                teardown=teardown and blocking(as_coroutine_function(teardown)),
                rounds=rounds,
                warmup_rounds=warmup_rounds,
                iterations=iterations,
            )

        return self._results(checked, tasks, session, measure)

    def check_awaited(self) -> None:
        """Fail the test if it asked for results and never awaited them: nothing was timed."""
        if any(results.is_pending for results in self._pending):
            pytest.fail(
                "async_benchmark(...) was not awaited, so nothing was timed: "
                "where an event loop runs, write `await async_benchmark(...)`",
                pytrace=False,
            )

    def _results(
        self,
        function: CoroutineFunction,
        tasks: int,
        session: SessionFactory | None,
        measure: Measure,
    ) -> Results[Any]:
        check_tasks(tasks)
        check_session(session)
        open_call = partial(call_with_session, function, session)
        measurement = partial(self._measure, open_call, tasks, measure)
        results: Results[Any]
        if _a_loop_runs():
            results = Results(measurement)
            self._pending.append(results)
        elif self._in_async_test:
            raise RuntimeError(
                "async_benchmark times asyncio only, and here no asyncio event loop runs: "
                "run this `async def` test with pytest-asyncio, or anyio's backend 'asyncio'"
            )
        else:
            results = Results()
            results.extend(run_in(self._loop, measurement()))
        return results

    async def _measure(self, open_call: OpenCall, tasks: int, measure: Measure) -> list[Any]:
        if tasks == 1:  # this task makes the calls: the event loop doesn't even have to turn
            async with open_call() as call:
                values = [await call_with_blocking(partial(measure, call))]
        else:
            async with TaskPool(open_call, tasks) as pool:
                values = await call_with_blocking(partial(measure, pool.gather))
        self.benchmark.extra_info["tasks"] = tasks
        return values


def _a_loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _not_here(name: str, benchmark: Any) -> str:
    """Return the message for an attribute that only pytest-benchmark's fixture may have."""
    message = f"async_benchmark has no {name}"
    if name in ("weave", "patch"):
        return (
            f"{message}, which times the calls of a function that other code makes: "
            "time the coroutine function that makes them, async_benchmark(function, ...)"
        )
    if not name.startswith("_") and hasattr(benchmark, name):
        return f"{message}: it is pytest-benchmark's, write async_benchmark.benchmark.{name}"
    return message
