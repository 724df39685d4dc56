"""Which function made a session, and whether it has closed it, as at the end of its `with`."""

import dis
import sys
from asyncio import Task
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE
from types import CodeType, FrameType
from typing import NamedTuple

from sqlalchemy.orm import Session

from session_guard import frames, where
from session_guard.acting import is_closer
from session_guard.actors import Actor, current

_EXIT = Session.__exit__.__code__

Made = tuple[tuple[CodeType, int], ...]
"""The instructions that made a session: the maker's call, then the call of the maker's function."""

_ASYNC = CO_COROUTINE | CO_ASYNC_GENERATOR
_FRAMES = 10
"""The number of frames in which its two makers are looked for: one may be a factory."""


class Closed(NamedTuple):
    """A session that the function which made it has closed, at this line.

    `of_block`: at the end of the `with` that made it.
    """

    code: CodeType
    line: int
    of_block: bool


def made_here(depth: int) -> Made:
    """Return the instructions of the user's that are making a session now."""
    frame: FrameType | None = sys._getframe(depth)
    made: Made = ()
    is_users = where.is_users_file
    for _ in range(_FRAMES):
        if frame is None:
            break
        code = frame.f_code
        if is_users(code.co_filename):
            made = (*made, (code, frame.f_lasti))
            if len(made) == 2 or code.co_flags & _ASYNC:
                break  # a factory is a plain function
        frame = frame.f_back
    return made


LEFT = None, 0
"""A `with` block has been left: which one is only looked for when the session is used again."""

End = tuple[CodeType | None, int]
"""Where a session was closed: the code and line of a call of `close()`, or LEFT."""


def end_of(made: Made, actor: Actor | None) -> End | None:
    """Return where the `close()` that the actor runs ends a session.

    None where a function closes it that has not made it, and may well use it again.
    """
    if isinstance(actor, Task) and is_closer(actor):
        return LEFT
    for frame in frames.running(actor or current(), sys._getframe(1)):
        code = frame.f_code
        if code is _EXIT:
            return LEFT
        if any(code is maker for maker, _ in made):
            return code, frame.f_lineno
        if where.is_users_file(code.co_filename):
            return None
    return None


def closed_by_maker(made: Made, end: End) -> Closed | None:
    """Return how the function that made a session has closed it; None where it has not.

    A block of a session that was made before it may be entered again: the one that makes it in its
    head may not.
    """
    code, line = end
    if code is not None:
        return Closed(code, line, of_block=False)
    for maker, instruction in made:
        if _heads_a_with(maker, instruction):
            return Closed(maker, _line(maker, instruction), of_block=True)
    return None


_ENTERS = "BEFORE_WITH", "BEFORE_ASYNC_WITH", "LOAD_SPECIAL"
"""The instructions that begin a `with`; the third since Python 3.14."""

_STACKS = "enter_context", "enter_async_context"


def _heads_a_with(code: CodeType, instruction: int) -> bool:
    after = [step for step in dis.get_instructions(code) if step.offset > instruction]
    if any(step.opname in _ENTERS for step in after[:3]):
        return True
    line = _line(code, instruction)
    return any(
        step.argval in _STACKS and _line(code, step.offset) == line
        for step in dis.get_instructions(code)
    )


def _line(code: CodeType, instruction: int) -> int:
    lines = (line for start, end, line in code.co_lines() if start <= instruction < end)
    return next(lines, None) or code.co_firstlineno
