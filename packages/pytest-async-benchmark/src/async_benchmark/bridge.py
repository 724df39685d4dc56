"""Plain functions that await inside a running event loop, by greenlets as in SQLAlchemy's ORM.

pytest-benchmark calls a plain function again and again. With `asyncio.run` each of these calls
would pay for an event loop, over 100 us; with `run_until_complete` it would still pay for a start
and a stop of one (https://github.com/psf/pyperf/issues/121). So pytest-benchmark itself is moved
into the loop: it runs in a greenlet of the task, and each call of its target switches to the task,
which awaits, and back. Only public names of pytest-benchmark are used.
https://github.com/ionelmc/pytest-benchmark/issues/66 has the request, and other ways.
"""

import sys
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any, TypeVar

import greenlet

Value = TypeVar("Value")

CoroutineFunction = Callable[..., Awaitable[Any]]
Blocking = Callable[[CoroutineFunction], Callable[..., Any]]
"""Turns a coroutine function into a plain function that returns what the coroutine returns."""


async def call_with_blocking(function: Callable[[Blocking], Value]) -> Value:
    """Call `function(blocking)` and return what it returns.

    `blocking(target)` is a plain function. Each call of it awaits `target(...)` in this task, in
    the context of this task, and returns or raises what `target` does. Raises what `function`
    raises.
    """
    switch_to_task = greenlet.getcurrent().switch

    def blocking(target: CoroutineFunction) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            return switch_to_task(target, arguments, named)

        return call

    caller = greenlet.greenlet(function)
    caller.gr_context = copy_context()  # a greenlet begins with an empty one
    switch_to_caller = caller.switch
    message = switch_to_caller(blocking)
    while not caller.dead:
        target, arguments, named = message
        try:
            answer = await target(*arguments, **named)
        except BaseException:
            message = caller.throw(*sys.exc_info())
        else:
            message = switch_to_caller(answer)
    value: Value = message
    return value
