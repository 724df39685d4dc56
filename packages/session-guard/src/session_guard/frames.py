"""The frames of what runs now, and of what a task is suspended in."""

import gc
import os
import sys
from asyncio import Task
from collections.abc import Iterator
from pathlib import Path
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType, GeneratorType
from typing import Any, Union

import sqlalchemy

from session_guard.actors import Actor, current

SQLALCHEMY = str(Path(sqlalchemy.__file__).parent) + os.sep
"""The folder of SQLAlchemy, wherever it is installed: for one user, by Debian, or by PYTHONPATH."""

_DEEPEST = 200
"""The number of frames after which a stack is not followed any further."""


def running(actor: Actor, frame: FrameType | None) -> Iterator[FrameType]:
    """Yield the frames that lead to `frame`, the innermost first, up to the actor's own coroutine.

    In a greenlet the stack ends where the greenlet was started: its parent has what called it.
    """
    last = getattr(actor.get_coro(), "cr_frame", None) if isinstance(actor, Task) else None
    module = sys.modules.get("greenlet")
    greenlet: Any = module.getcurrent() if module and actor is current() else None
    while frame is not None:
        yield frame
        if frame is last:
            return  # what follows is the event loop
        frame = frame.f_back
        while frame is None and greenlet is not None:
            greenlet = greenlet.parent
            frame = greenlet and greenlet.gr_frame


def suspended(task: Task[Any]) -> Iterator[FrameType]:
    """Yield the frames of a task that waits, from its own coroutine to the innermost."""
    for awaited, _ in await_chain(task):
        frame = frame_of(awaited)
        if frame is not None:
            yield frame


Awaited = Union[
    "CoroutineType[Any, Any, Any]", "AsyncGeneratorType[Any, Any]", "GeneratorType[Any, Any, Any]"
]


def await_chain(task: Task[Any]) -> list[tuple[Awaited, CodeType]]:
    """Return a task's coroutine, what that awaits, and so on, as far as it is written in Python.

    Each with its code, which costs less than its frame: a frame is made when it is asked for.
    """
    chain: list[tuple[Awaited, CodeType]] = []
    awaited: Any = task.get_coro()
    while awaited is not None and len(chain) < _DEEPEST:
        kind = type(awaited)
        if kind is CoroutineType:
            chain.append((awaited, awaited.cr_code))
            awaited = awaited.cr_await
        elif kind is AsyncGeneratorType:
            chain.append((awaited, awaited.ag_code))
            awaited = awaited.ag_await
        elif kind is GeneratorType:
            chain.append((awaited, awaited.gi_code))
            awaited = awaited.gi_yieldfrom
        else:
            awaited = wrapped(awaited)
    return chain


def frame_of(awaited: Awaited) -> FrameType | None:
    """Return its frame; None where it has ended."""
    if isinstance(awaited, CoroutineType):
        return awaited.cr_frame
    if isinstance(awaited, AsyncGeneratorType):
        return awaited.ag_frame
    return awaited.gi_frame


_WRAPPERS = {
    "async_generator_asend",
    "async_generator_athrow",
    "anext_awaitable",
    "coroutine_wrapper",
}
"""The interpreter's types that stand between an `await` and what it awaits, and do not name it."""


def wrapped(awaited: Any) -> Any:
    """Return what is awaited behind what the interpreter puts before it; None where nothing is."""
    if type(awaited).__name__ not in _WRAPPERS:
        # A coroutine that a compiler made, as Cython does.
        return getattr(awaited, "cr_await", None)
    kinds = CoroutineType, AsyncGeneratorType, GeneratorType
    for inner in gc.get_referents(awaited):
        if isinstance(inner, kinds) or type(inner).__name__ in _WRAPPERS:
            return inner
    return None
