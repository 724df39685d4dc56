"""Which function made a session, and whether it has closed it, as at the end of its `with`."""

import sys
from asyncio import Task
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from session_guard import acting, frames, task_tree, where
from session_guard.actors import Actor

_EXIT = Session.__exit__.__code__

Made = tuple[tuple[CodeType, int], ...]
"""The lines at which a session was made: the maker's call, then the line that called it."""

_FRAMES = 10
"""The number of frames in which its two makers are looked for: one may be a factory."""


class Closed(NamedTuple):
    """A session that its maker has closed. `of_block`: at the end of the `with` that made it."""

    code: CodeType
    line: int
    of_block: bool


def made_here(depth: int) -> Made:
    """Return the lines of the user's that are making a session now."""
    frame: FrameType | None = sys._getframe(depth)
    made: Made = ()
    is_users = where.is_users_file
    for _ in range(_FRAMES):
        if frame is None:
            break
        code = frame.f_code
        if is_users(code.co_filename):
            if made:
                return (*made, (code, frame.f_lineno))
            made = ((code, frame.f_lineno),)
        frame = frame.f_back
    return made


def closed_by_maker(made: Made, actor: Actor) -> Closed | None:
    """Return how the `close()` that the actor runs ends a session for the function that made it.

    None where another function closes it, which may well use it again.
    """
    if not made:
        return None
    codes = made[0][0], made[-1][0]
    if isinstance(actor, Task) and acting.is_closer(actor):
        return _left_by(task_tree.parent_of(actor), made, codes)
    leaves = False
    for frame in frames.running(actor, sys._getframe(1)):
        code = frame.f_code
        if code is _EXIT:
            leaves = True
        elif code in codes:
            return _closed(made, code, frame.f_lineno, leaves)
        elif where.is_users_file(code.co_filename):
            return None
    return None


def _left_by(
    parent: Task[Any] | None, made: Made, codes: tuple[CodeType, CodeType]
) -> Closed | None:
    # This runs at the end of each `async with`, and is written to be quick: a frame, for one, is
    # made when it is asked for.
    first, second = codes
    maker: Any = None
    awaited: Any = parent and parent.get_coro()
    while awaited is not None:
        if type(awaited) is CoroutineType:
            code, inner = awaited.cr_code, awaited.cr_await
        elif type(awaited) is AsyncGeneratorType:
            code, inner = awaited.ag_code, awaited.ag_await
        else:
            awaited = frames.wrapped(awaited)
            continue
        if code is first or code is second:
            maker = awaited
        elif maker is not None and acting.is_exit(code):
            frame = frames.frame_of(maker)
            return _closed(made, frame.f_code, frame.f_lineno, True) if frame else None
        awaited = inner
    return None


def _closed(made: Made, code: CodeType, line: int, leaves: bool) -> Closed | None:
    # `with maker() as session`: made at the line of the `with`, or in a line of its header. A block
    # of a session that was made before it may be entered again.
    if leaves:
        for made_in, made_at in made:
            if made_in is code and made_at >= line:
                break
        else:
            return None
    return Closed(code, line, leaves)
