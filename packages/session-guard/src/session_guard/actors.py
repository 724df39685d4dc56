"""The actors: tasks, and threads in which no task runs; the running one, and the names of all."""

import sys
from asyncio import AbstractEventLoop, Task, _get_running_loop, current_task, tasks
from collections.abc import Callable
from itertools import count
from threading import Lock, Thread, current_thread
from typing import Any
from weakref import WeakKeyDictionary

Actor = Task[Any] | Thread

# Up to Python 3.11 `current_task` is a Python function that reads this dictionary.
task_of: Callable[[AbstractEventLoop], Task[Any] | None] = (
    current_task if sys.version_info >= (3, 12) else tasks._current_tasks.get  # type: ignore[attr-defined]
)
"""Return the task that runs in a running loop."""


def current() -> Actor:
    """Return the running task; if no task runs, the current thread."""
    loop = _get_running_loop()  # without one, current_task() would raise
    return (loop and task_of(loop)) or current_thread()


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
