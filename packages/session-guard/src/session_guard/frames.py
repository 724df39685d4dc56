"""The frames of the code that runs now, and of the code in which a task is suspended."""

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
"""The folder of SQLAlchemy, which may be installed for one user, by Debian, or by PYTHONPATH."""

_DEEPEST = 200
"""The number of frames after which a stack is no longer followed."""


def running(actor: Actor, frame: FrameType | None) -> Iterator[FrameType]:
    """Yield the frames that lead to `frame`, the innermost first, up to the actor's own coroutine.

    In a greenlet the stack ends where the greenlet was started. The parent greenlet has the frames
    of its caller.
    """
    last = getattr(actor.get_coro(), "cr_frame", None) if isinstance(actor, Task) else None
    module = sys.modules.get("greenlet")
    greenlet: Any = module.getcurrent() if module and actor is current() else None
    while frame is not None:
        yield frame
        if frame is last:
            return  # the frames after this are those of the event loop
        frame = frame.f_back
        while frame is None and greenlet is not None:
            greenlet = greenlet.parent
            frame = greenlet and greenlet.gr_frame


def suspended(task: Task[Any]) -> Iterator[FrameType]:
    """Yield the frames of a waiting task, from its own coroutine to the innermost."""
    for awaited, _ in await_chain(task):
        frame = frame_of(awaited)
        if frame is not None:
            yield frame


Awaited = Union[
    "CoroutineType[Any, Any, Any]", "AsyncGeneratorType[Any, Any]", "GeneratorType[Any, Any, Any]"
]


def await_chain(task: Task[Any]) -> list[tuple[Awaited, CodeType]]:
    """Return a task's coroutine, the object that it awaits, and so on, while they are Python code.

    Each comes with its code object, which costs less than its frame: Python creates a frame object
    only when it is read.
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
    """Return the frame of a coroutine or generator; None if it has ended."""
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
"""Types of the interpreter that wrap an awaited object and have no public name for it."""


def wrapped(awaited: Any) -> Any:
    """Return the object inside a wrapper of the interpreter; None if there is none."""
    if type(awaited).__name__ not in _WRAPPERS:
        # A coroutine of a compiler, such as Cython.
        return getattr(awaited, "cr_await", None)
    kinds = CoroutineType, AsyncGeneratorType, GeneratorType
    for inner in gc.get_referents(awaited):
        if isinstance(inner, kinds) or type(inner).__name__ in _WRAPPERS:
            return inner
    return None
