"""The actors: tasks, and threads in which no task runs; the running one, and the names of all."""

import sys
from asyncio import Task, _get_running_loop, current_task, tasks
from collections.abc import Callable
from itertools import count
from threading import Lock, Thread, current_thread, get_ident
from typing import Any
from weakref import WeakKeyDictionary, ref

Actor = Task[Any] | Thread

# Up to Python 3.11 `current_task` is a Python function that reads this dictionary.
task_of: Callable[[Any], Task[Any] | None] = (
    current_task if sys.version_info >= (3, 12) else tasks._current_tasks.get  # type: ignore[attr-defined]
)
"""Return the task that an event loop runs now. None for a loop is not for Python 3.12 or later."""


class NoLoop:
    """A loop that runs in no thread, where no task runs or the loop does not tell its thread."""

    _thread_id = 0


NO_LOOP = NoLoop()

loops: dict[int, "ref[Any]"] = {}
"""Thread identifier -> the event loop in which a task was last seen there."""


def current() -> Actor:
    """Return the running task; if no task runs, the current thread."""
    return current_in_loop()[0]


def current_in_loop() -> tuple[Actor, Any]:
    """Return the running task with its event loop, or the thread and NO_LOOP where no task runs.

    The loop that was last seen in the thread is asked first: to find the running loop takes a
    system call up to Python 3.11. A loop may move to another thread, so it is also asked in which
    thread it runs. asyncio's loops have a private attribute for it. A loop without that attribute,
    such as uvloop's, is looked up each time.
    """
    thread = get_ident()
    known = loops.get(thread)
    loop = known() if known else None
    if loop is not None and loop._thread_id == thread and (task := task_of(loop)):
        return task, loop
    loop = _get_running_loop()
    if loop is None or not (task := task_of(loop)):
        return current_thread(), NO_LOOP
    if getattr(loop, "_thread_id", None) != thread:
        return task, NO_LOOP
    for other, seen in list(loops.items()):
        if seen() is None:
            loops.pop(other, None)
    loops[thread] = ref(loop)
    return task, loop


def alive(actor: Actor) -> bool:
    """Return whether the actor can still run: a task is not done, or a thread has not ended."""
    return actor.is_alive() if isinstance(actor, Thread) else not actor.done()


def names(*actors: Actor) -> list[str]:
    """Return the name of each actor. Actors with equal names get a number, which they keep."""
    plain = [_name(actor) for actor in actors]
    return [
        f"{name} #{_number(actor, name)}"
        if actor in _numbers or _is_ambiguous(actor, name, actors, plain)
        else name
        for actor, name in zip(actors, plain, strict=True)
    ]


def _name(actor: Actor) -> str:
    kind, name = ("thread", actor.name) if isinstance(actor, Thread) else ("task", actor.get_name())
    return f"{kind} {name!r}"


def _is_ambiguous(actor: Actor, name: str, actors: tuple[Actor, ...], plain: list[str]) -> bool:
    return any(
        other is not actor and other_name == name
        for other, other_name in zip(actors, plain, strict=True)
    )


_numbers: WeakKeyDictionary[Actor, int] = WeakKeyDictionary()
_next_numbers: dict[str, "count[int]"] = {}
_numbering = Lock()


def _number(actor: Actor, name: str) -> int:
    with _numbering:
        if actor not in _numbers:
            _numbers[actor] = next(_next_numbers.setdefault(name, count(1)))
        return _numbers[actor]
