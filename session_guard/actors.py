"""Actor runs now: a task, or a thread where there is none; whether it still lives; who started it.

asyncio does not tell a task's parent. But a new task copies the context of the one that starts it,
so what that one has left there names it: https://docs.python.org/3/library/contextvars.html
"""

from asyncio import Task, _get_running_loop, current_task
from contextvars import ContextVar
from threading import Thread, current_thread
from typing import Any
from weakref import ref

Actor = Task[Any] | Thread
Lineage = tuple["ref[Task[Any]]", ...]
"""Tasks that the guard has met, the oldest ancestor first, the task itself last."""

_MANY = 8
"""Ancestors that a task remembers before it looks which of them are left."""

_lineage: ContextVar[Lineage] = ContextVar("session_guard_lineage", default=())


def current() -> Actor:
    """The running task, or the thread where no task runs."""
    loop = _get_running_loop()  # without one, current_task() would raise
    return (loop and current_task(loop)) or current_thread()


def alive(who: Actor) -> bool:
    """Whether it may still go on: a task that is not done, a thread that has not ended."""
    return who.is_alive() if isinstance(who, Thread) else not who.done()


def name(who: Actor) -> str:
    return f"thread {who.name!r}" if isinstance(who, Thread) else f"task {who.get_name()!r}"


def enrol(me: Actor) -> Lineage:
    """Make the running task known to those that it will start. Its lineage, or its thread's."""
    lineage = _lineage.get()
    if (lineage and lineage[-1]() is me) or isinstance(me, Thread):
        return lineage
    if len(lineage) > _MANY:
        # Without the ended: a runner that gives all its tasks one context would grow it for ever.
        lineage = tuple(each for each in lineage if (task := each()) and not task.done())
    lineage = (*lineage, ref(me))
    _lineage.set(lineage)
    return lineage


def is_new_child_of(parent: Actor | None) -> bool:
    """Whether the running task was started by this one, and has not been met before."""
    lineage = _lineage.get()
    return bool(lineage) and parent is not None and lineage[-1]() is parent


def ancestors() -> set[Actor]:
    """The living tasks that the running one descends from, as far as the guard has met them."""
    return {task for each in _lineage.get() if (task := each()) and not task.done()}


def closes_for(me: Actor, owner: Actor) -> bool:
    """Whether it is the task that SQLAlchemy starts to close a session at the end of a `with`."""
    if isinstance(me, Thread) or owner not in ancestors():
        return False
    code = getattr(me.get_coro(), "cr_code", None)
    return code is not None and "sqlalchemy" in code.co_filename and code.co_name in ("close", "go")
