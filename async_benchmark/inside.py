"""A plain function that waits inside a running event loop, as SQLAlchemy's ORM does: by greenlets.

pytest-benchmark calls a plain function again and again. Started with `asyncio.run` each of these
calls would pay for a loop of its own, over 100 us, and with `run_until_complete` still for a start
and a stop of one (https://github.com/psf/pyperf/issues/121). So it is pytest-benchmark itself that
is taken into the loop: it runs in a greenlet of the task, and each call of its target switches to
the task, which awaits, and back. Of pytest-benchmark, public names alone are used.
https://github.com/ionelmc/pytest-benchmark/issues/66 has the wish and other ways.
"""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import greenlet


async def call_inside(function: Callable[..., Any], target: Callable[[], Awaitable[Any]]) -> Any:
    """`function(wait)`, where each `wait()` is `await target()` in this task. Returns its result.

    What `target` raises is raised by `wait()`; what `function` raises, by this.
    """
    task = greenlet.getcurrent()

    def wait() -> Any:
        return task.switch(target())

    caller = greenlet.greenlet(function)
    awaited = caller.switch(wait)
    while not caller.dead:
        try:
            answer = await awaited
        except BaseException:
            awaited = caller.throw(*sys.exc_info())
        else:
            awaited = caller.switch(answer)
    return awaited
