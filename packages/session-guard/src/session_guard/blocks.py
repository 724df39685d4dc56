"""The function that made a session, and whether it has closed it, as at the end of a `with`."""

import dis
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE
from sys import _getframe
from types import CodeType
from typing import NamedTuple

from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlalchemy.orm import Session

from session_guard import frames
from session_guard.actors import Actor, current
from session_guard.where import is_users_file

_EXIT = Session.__exit__.__code__
_CALL_OF_ASYNC_MAKER = async_sessionmaker.__call__.__code__

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


def made_here() -> Made:
    """Return the instructions of the user's that call the `__init__` which calls this function."""
    # Frames are asked for by number: following `f_back` makes a frame object of each.
    made: Made = ()
    depth = 2
    try:
        if _getframe(3).f_code is _CALL_OF_ASYNC_MAKER:
            depth = 4
        for number in range(depth, depth + _FRAMES):
            frame = _getframe(number)
            code = frame.f_code
            if is_users_file(code.co_filename):
                made = (*made, (code, frame.f_lasti))
                if code.co_flags & _ASYNC or len(made) == 2:
                    break  # a factory is a plain function
    except ValueError:  # there are no more frames
        pass
    return made


LEFT = None, 0
"""The mark of a `with` block that was left. Its place is looked for on the next use only."""

End = tuple[CodeType | None, int]
"""The place where a session was closed: code and line of a call of `close()`, or LEFT."""


def end_of(made: Made, actor: Actor | None) -> End | None:
    """Return where the `close()` that the actor runs ends a session.

    None where a function closes it that has not made it, and may well use it again. But an
    `__exit__` ends a session that the `__enter__` of its class has made. Not for the task in which
    SQLAlchemy closes a session at the end of an `async with`: that one is LEFT.
    """
    called_by = _getframe(1).f_back
    if called_by is not None and called_by.f_code is _EXIT:
        return LEFT
    for frame in frames.running(actor or current(), _getframe(1)):
        code = frame.f_code
        if code is _EXIT:
            return LEFT
        if any(code is maker or _is_exit_of(code, maker) for maker, _ in made):
            return code, frame.f_lineno
        if is_users_file(code.co_filename):
            return None
    return None


def _is_exit_of(code: CodeType, maker: CodeType) -> bool:
    """Return whether the code is the exit method of the class whose enter method is the maker."""
    enter = _METHODS_OF_A_BLOCK.get(code.co_name)
    if enter is None or maker.co_name != enter:
        return False
    return code.co_qualname.rpartition(".")[0] == maker.co_qualname.rpartition(".")[0]


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

_METHODS_OF_A_BLOCK = {"__aexit__": "__aenter__", "__exit__": "__enter__"}
_STACKS = "enter_context", "enter_async_context"


def _heads_a_with(code: CodeType, instruction: int) -> bool:
    after = [step for step in dis.get_instructions(code) if step.offset > instruction]
    for step in after[:3]:
        if step.opname.startswith("STORE_"):  # made before the block, which may be entered again
            break
        if step.opname in _ENTERS:
            return True
    line = _line(code, instruction)
    return any(
        step.argval in _STACKS and _line(code, step.offset) == line
        for step in dis.get_instructions(code)
    )


def _line(code: CodeType, instruction: int) -> int:
    lines = (line for start, end, line in code.co_lines() if start <= instruction < end)
    return next(lines, None) or code.co_firstlineno
