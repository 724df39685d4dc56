"""The task that a task acts for: some tasks only make one call for the task that awaits them."""

from asyncio import Future, Task
from functools import partial
from types import CodeType, FrameType
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from session_guard import frames, task_tree
from session_guard.frames import SQLALCHEMY

# The coroutines that SQLAlchemy runs in a task of their own at the end of an `async with`. They are
# compared by identity: the hash of a code object takes a microsecond.
CLOSES_SESSION = AsyncSession.close.__code__
_CLOSES_CONNECTION = AsyncConnection.close.__code__


def is_closer(task: Task[Any]) -> bool:
    """Return whether a task only closes a session or connection."""
    code = getattr(task.get_coro(), "cr_code", None)
    return code is CLOSES_SESSION or code is _CLOSES_CONNECTION


def principal(task: Task[Any]) -> Task[Any]:
    """Return the task that `task` acts for: itself, or the task that awaits its one call.

    A task makes one call for another task where SQLAlchemy leaves an `async with`, in
    `shield(session.commit())` and, up to Python 3.11, in `wait_for(session.commit(), 1)`.
    """
    code = getattr(task.get_coro(), "cr_code", None)
    if code is None or not code.co_filename.startswith(SQLALCHEMY):
        return task
    parent = next((other for other in task_tree.ancestors() if other is not task), None)
    if parent is None:
        return task
    if is_closer(task) and exit_frame(parent) is not None:
        return parent
    return parent if waits_for(parent, task) else task


def is_exit(code: CodeType) -> bool:
    """Return whether the code is SQLAlchemy's `__aexit__` of a session or connection."""
    return code.co_name == "__aexit__" and code.co_filename.startswith(SQLALCHEMY)


def exit_frame(task: Task[Any]) -> FrameType | None:
    """Return the frame of SQLAlchemy's `__aexit__` in which a task is suspended; else None."""
    for awaited, code in frames.await_chain(task):
        if is_exit(code):
            return frames.frame_of(awaited)
    return None


def waits_for(parent: Task[Any], child: Task[Any]) -> bool:
    """Return whether a task awaits another, and nothing else, also by `shield` or `wait_for`."""
    # asyncio has no public name for what a task waits for. If the private attribute is missing
    # too, the child counts as any other task.
    waiter = getattr(parent, "_fut_waiter", None)
    if waiter is None:
        return False
    if waiter is child:
        return True
    if type(waiter) is not Future:  # a gather waits for several
        return False
    callbacks = getattr(child, "_callbacks", None) or ()
    return any(waiter in _bound(callback) for callback, *_ in callbacks)


def _bound(callback: Any) -> list[Any]:
    """Return the objects that a callback holds: `shield` uses a closure, `wait_for` a partial."""
    if isinstance(callback, partial):
        return list(callback.args)
    return [cell.cell_contents for cell in getattr(callback, "__closure__", None) or ()]
