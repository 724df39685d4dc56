"""Where in the user's code something happens: `file:line`, past the frames of libraries."""

import os
import sys
import sysconfig
from asyncio import Task
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import sqlalchemy

from session_guard import actors
from session_guard.actors import Actor

_Line = tuple[CodeType, int]

_LIBRARIES = (
    *{sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")},
    # It may be installed elsewhere: for one user, by Debian, in a folder of PYTHONPATH's.
    str(Path(sqlalchemy.__file__).parent) + os.sep,
)
_OURS = str(Path(__file__).parent)


def here() -> str:
    """The line of the user's that is running now."""
    me = actors.current()
    return _of_the_user(_running(sys._getframe(1), me), me)


def of(whom: Actor) -> str:
    """The line of the user's at which a task is suspended, or a thread runs."""
    if isinstance(whom, Task):
        return _of_the_user(reversed(list(_suspended(whom))), whom)
    return _of_the_user(_running(sys._current_frames().get(whom.ident or 0), whom), whom)


def _running(frame: FrameType | None, me: Actor) -> Iterator[_Line]:
    last = getattr(me.get_coro(), "cr_frame", None) if isinstance(me, Task) else None
    # In a greenlet the stack ends where it was started: the user's line is in its parent.
    module = sys.modules.get("greenlet")
    greenlet: Any = module.getcurrent() if module and me is actors.current() else None
    while frame is not None:
        yield frame.f_code, frame.f_lineno
        if frame is last:
            return  # what follows is the event loop
        frame = frame.f_back
        if frame is None and greenlet is not None:
            greenlet = greenlet.parent
            frame = greenlet and greenlet.gr_frame


def _suspended(task: "Task[Any]") -> Iterator[_Line]:
    """From the task's own coroutine to the innermost that it awaits."""
    awaited: Any = task.get_coro()
    while awaited is not None:
        if frame := _first(awaited, "cr_frame", "ag_frame", "gi_frame"):
            yield frame.f_code, frame.f_lineno
        awaited = _first(awaited, "cr_await", "ag_await", "gi_yieldfrom")


def _first(of: object, *names: str) -> Any:
    return next((found for name in names if (found := getattr(of, name, None)) is not None), None)


def _of_the_user(lines: Iterable[_Line], whom: Actor) -> str:
    for code, line in lines:
        file = code.co_filename
        if not file.startswith(("<", _OURS, *_LIBRARIES)):
            return f"{file.removeprefix(str(Path.cwd()) + os.sep)}:{line}"
    if isinstance(whom, Task):  # as in gather(session.execute(...)): its line is the library's
        return f"{getattr(whom.get_coro(), '__qualname__', 'a coroutine')}()"
    return "a line unknown"
