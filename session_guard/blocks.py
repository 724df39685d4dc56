"""Which function made a session, and whether it has closed it, as at the end of its `with`."""

import sys
from asyncio import Task
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from sqlalchemy.orm import Session

from session_guard import acting, frames, task_tree, where
from session_guard.actors import current

_EXIT = Session.__exit__.__code__

Made = tuple[tuple[CodeType, int], ...]
"""The lines at which a session was made: the maker's call, then the line that called it."""

_FUNCTIONS = 2
"""The number of functions that count as the makers of a session: one may be a factory."""

_FRAMES = 10
"""The number of frames that are looked at for them: a framework's stack is deep."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A session that its maker has closed. `of_block`: at the end of the `with` that made it."""

    code: CodeType
    line: int
    of_block: bool


def made_here(depth: int) -> Made:
    """Return the lines of the user's that are making a session now."""
    frame: FrameType | None = sys._getframe(depth)
    made: list[tuple[CodeType, int]] = []
    for _ in range(_FRAMES):
        if frame is None or len(made) == _FUNCTIONS:
            break
        code = frame.f_code
        if where.is_users(code):
            made.append((code, frame.f_lineno))
        frame = frame.f_back
    return tuple(made)


def closed_by_maker(made: Made) -> Closed | None:
    """Return how the running `close()` ends a session for the function that made it.

    None where another function closes it, which may well use it again.
    """
    actor = current()
    codes = [code for code, _ in made]
    if isinstance(actor, Task) and acting.is_closer(actor):
        parent = next((task for task in task_tree.ancestors() if task is not actor), None)
        return _left_by(parent, made, codes) if parent is not None else None
    leaves = False
    for frame in frames.running(actor, sys._getframe(1)):
        code = frame.f_code
        if code is _EXIT:
            leaves = True
        elif code in codes:
            return _closed(made, code, frame.f_lineno, leaves)
        elif where.is_users(code):
            return None
    return None


def _left_by(parent: Task[Any], made: Made, codes: list[CodeType]) -> Closed | None:
    candidate = None
    for awaited in frames.await_chain(parent):
        code = frames.code_of(awaited)
        if code in codes:
            candidate = awaited
        elif candidate is not None and acting.is_exit(code):
            frame = frames.frame_of(candidate)
            return _closed(made, frame.f_code, frame.f_lineno, True) if frame else None
    return None


def _closed(made: Made, code: CodeType, line: int, leaves: bool) -> Closed | None:
    # `with maker() as session`: made at the line of the `with`, or in a line of its header. A block
    # of a session that was made before it may be entered again.
    owns = any(made_in is code and made_at >= line for made_in, made_at in made)
    if leaves and not owns:
        return None
    return Closed(code, line, of_block=leaves)
