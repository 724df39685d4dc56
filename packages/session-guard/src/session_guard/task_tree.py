"""The tree of tasks: the task that started each task, as far as it is known.

asyncio does not name a task's parent. But a new task copies the context of the task that starts it,
so a context variable that the parent has set names the parent:
https://docs.python.org/3/library/contextvars.html
"""

import sys
from asyncio import Task, all_tasks
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any
from weakref import ref

from session_guard.actors import Actor

Lineage = tuple["ref[Task[Any]]", ...]
"""Tasks that the guard has met: the oldest ancestor first, the task itself last."""

_MANY = 8
"""The number of ancestors above which a task forgets those that have ended."""

_NO_TASKS: Lineage = ()
_lineage: ContextVar[Lineage] = ContextVar("session_guard_lineage", default=_NO_TASKS)

known_lineage = _lineage.get
"""Return the lineage of the nearest task that the guard has met: the running one or an ancestor."""


def enrol(actor: Actor) -> Lineage:
    """Record the running task for the tasks that it will start; return its lineage.

    A thread has the lineage of the context in which it runs.
    """
    lineage = _lineage.get()
    if (lineage and lineage[-1]() is actor) or not isinstance(actor, Task):
        return lineage
    if len(lineage) > _MANY:
        # Drop ended tasks: with a runner that gives all tasks one context, it would grow for ever.
        lineage = tuple(known for known in lineage if (task := known()) and not task.done())
    lineage = (*lineage, ref(actor))
    _lineage.set(lineage)
    return lineage


def is_new_child_of(parent: Actor | None) -> bool:
    """Return whether the running task was started by `parent` and has not been met before."""
    lineage = _lineage.get()
    return bool(lineage) and parent is not None and lineage[-1]() is parent


def ancestors() -> list[Task[Any]]:
    """Return the running task and its ancestors that still run, the nearest first.

    Only tasks that the guard has met are known.
    """
    tasks = (known() for known in reversed(_lineage.get()))
    return [task for task in tasks if task is not None and not task.done()]


def descends_from(lineage: Lineage, task: Task[Any], ancestor: Actor) -> bool:
    """Return whether `ancestor`, or a task that it started, has started a task of this lineage.

    If the guard did not meet the ancestor in time, anyio still knows the parents of its own tasks.
    """
    return any(known() is ancestor for known in lineage[:-1]) or any(
        parent is ancestor for parent in _parents_in_anyio(task)
    )


def starters(task: Task[Any], lineage: Lineage) -> Iterator[Task[Any]]:
    """Yield the running tasks that started this task, directly or not, the nearest first."""
    for known in reversed(lineage):
        starter = known()
        if starter is not None and starter is not task and not starter.done():
            yield starter
    yield from _parents_in_anyio(task)


def _parents_in_anyio(task: Task[Any]) -> Iterator[Task[Any]]:
    anyio = sys.modules.get("anyio")
    if anyio is None or task.done():
        return
    try:
        running = {info.id: info for info in anyio.get_running_tasks()}
    except Exception:  # no loop runs here that anyio knows
        return
    tasks = {id(other): other for other in all_tasks()}
    info = running.get(id(task))
    seen: set[int] = set()
    while info is not None and info.parent_id is not None and info.parent_id not in seen:
        seen.add(info.parent_id)
        parent = tasks.get(info.parent_id)
        if parent is not None:
            yield parent
        info = running.get(info.parent_id)
