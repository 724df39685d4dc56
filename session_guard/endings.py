"""Ends that were refused: the session still ends clean, and the first error is what surfaces."""

import sys
from asyncio import Task
from collections.abc import Callable
from functools import partial
from logging import getLogger
from typing import Any

from sqlalchemy.util.concurrency import await_only, in_greenlet

from session_guard import acting, actors
from session_guard.ownership import Ownership
from session_guard.violation import SharedSessionError

_CLOSES = ("close", "reset", "invalidate")
_log = getLogger("session_guard")


def after_refusal(
    ownership: Ownership, end: Callable[[], object], name: str, error: SharedSessionError
) -> None:
    """Raise the refusal of a close or rollback, unless another exception is on its way.

    That one gets a note instead. Where the lender or the maker closes what another works on, `end`
    is done when that operation has ended.
    """
    me, runner = actors.current(), ownership.runner
    first = exception_on_its_way()
    ends = name in _CLOSES or (first is not None and ownership.pending is None)
    overlaps = ends and error.violation.kind == "overlap"
    if overlaps and runner is not None and ownership.may_take_from(runner, me):
        ownership.pending = partial(_close, end)
        ownership.take_from(name, me, runner)
    if first is None or first is error:
        raise error
    first.add_note(f"session_guard: {error.violation}")


def exception_on_its_way() -> BaseException | None:
    """Return the exception that the running code is cleaning up after; None where there is none."""
    me = actors.current()
    if isinstance(me, Task) and (closed_for := _closed_for(me)):
        frame = acting.exit_frame(closed_for)
        return frame.f_locals.get("value") if frame else None
    if "greenlet" in sys.modules and in_greenlet():
        # A greenlet has exceptions of its own: those of the coroutine are seen from the coroutine.
        return await_only(_handled())
    return sys.exc_info()[1]


def _closed_for(me: Task[Any]) -> Task[Any] | None:
    principal = acting.principal(me)
    return principal if principal is not me else None


async def _handled() -> BaseException | None:
    return sys.exc_info()[1]


def _close(end: Callable[[], object]) -> None:
    try:
        end()
    except Exception as error:  # it is the end of another's session: not the runner's error
        _log.warning("a session could not be closed after a violation: %r", error)
