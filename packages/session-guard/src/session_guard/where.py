"""The line of the user's code where something happens: `file:line`, without library frames."""

import os
import sys
import sysconfig
from asyncio import Task
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple
from weakref import ref

from session_guard import frames, task_tree
from session_guard.actors import Actor, current
from session_guard.frames import SQLALCHEMY
from session_guard.task_tree import Lineage

UNKNOWN = "an unknown line"

_OURS = str(Path(__file__).parent) + os.sep
_STANDARD = tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib")})
_SITE = tuple({sysconfig.get_path(name) + os.sep for name in ("purelib", "platlib")})
_FRAMEWORKS = (
    *("aiohttp", "anyio", "asyncpg", "fastapi", "greenlet", "litestar", "psycopg", "pytest"),
    *("_pytest", "pytest_asyncio", "sqlmodel", "starlette", "trio", "uvicorn", "uvloop"),
)

_USER, _LIBRARY, _FRAMEWORK, _INTERNAL, _MADE = range(5)
_TYPED_IN = "<stdin>", "<ipython", "<console>", "<python-input", "<doctest"


class Place(NamedTuple):
    """A line of code. Its text is made only when it is shown, because most lines never are."""

    code: CodeType
    line: int

    def __str__(self) -> str:
        return f"{self.code.co_filename.removeprefix(str(Path.cwd()) + os.sep)}:{self.line}"


def here() -> str:
    """Return the line of the user's code that runs now, or that started the running task."""
    actor = current()
    place = nearest(frames.running(actor, sys._getframe(1)))
    if place is None and isinstance(actor, Task):
        place = _of_starters(actor, tuple(map(ref, task_tree.ancestors()[::-1])))
    return _text(place, actor)


def of(actor: Actor, lineage: Lineage = ()) -> str:
    """Return the line of the user's code where a task is suspended, or a thread runs.

    If the task has none, as in `gather(session.execute(...))`, return the line of the nearest task
    that started it and has one.
    """
    if isinstance(actor, Task):
        place = nearest(reversed(list(frames.suspended(actor))))
        if place is None:
            place = _of_starters(actor, lineage)
    else:
        frame = sys._current_frames().get(actor.ident or 0)
        place = nearest(frames.running(actor, frame))
    return _text(place, actor)


def nearest(stack: Iterable[FrameType]) -> Place | None:
    """Return the first line of the user's code in a stack that begins with the innermost frame.

    If the whole stack is installed code, return the first line that belongs to no framework,
    because an application may be installed as well.
    """
    installed: Place | None = None
    for frame in stack:
        kind = _kind(frame.f_code.co_filename)
        if kind == _USER or (kind == _MADE and frame.f_globals.get("__name__") == "__main__"):
            return Place(frame.f_code, frame.f_lineno)
        if kind == _LIBRARY and installed is None:
            installed = Place(frame.f_code, frame.f_lineno)
    return installed


@cache
def is_users_file(file: str) -> bool:
    """Return whether the file is the user's, or of an installed package that is no framework."""
    return _kind(file) in (_USER, _LIBRARY)


@cache
def _kind(file: str) -> int:
    if file.startswith(("<frozen", _OURS, SQLALCHEMY)):
        return _INTERNAL
    if file.startswith(_SITE):  # first, because it may be inside the standard library's folder
        folder = next(path for path in _SITE if file.startswith(path))
        package = Path(file).relative_to(folder).parts[0].removesuffix(".py")
        return _FRAMEWORK if package in _FRAMEWORKS else _LIBRARY
    if file.startswith(_STANDARD):
        return _INTERNAL
    if file.startswith("<") and not file.startswith(_TYPED_IN):
        return _MADE  # code made at run time, as by SQLAlchemy's decorators or `python -c`
    return _USER


def _of_starters(task: Task[Any], lineage: Lineage) -> Place | None:
    places = (
        nearest(reversed(list(frames.suspended(starter))))
        for starter in task_tree.starters(task, lineage)
    )
    return next((place for place in places if place is not None), None)


def _text(place: Place | None, actor: Actor) -> str:
    if place is not None:
        return str(place)
    if isinstance(actor, Task):
        return f"{getattr(actor.get_coro(), '__qualname__', 'a coroutine')}()"
    return UNKNOWN
