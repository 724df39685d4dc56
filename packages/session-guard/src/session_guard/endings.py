"""Ends that were refused: the session still ends clean, and the first error is what surfaces."""

from collections.abc import Callable
from functools import partial
from logging import getLogger
from typing import TYPE_CHECKING

from session_guard import actors
from session_guard.violation import SharedSessionError

if TYPE_CHECKING:
    from session_guard.session import GuardedSession

_CLOSES = ("close", "reset", "invalidate")
_log = getLogger("session_guard")


def after_refusal(
    session: "GuardedSession", end: Callable[[], object], name: str, error: SharedSessionError
) -> None:
    """Raise the refusal of a close or rollback, unless another exception is on its way.

    That one gets a note instead. Where the lender or the maker closes what another works on, `end`
    is done when that operation has ended.
    """
    ownership = session.ownership
    me, runner = actors.current(), ownership.runner
    first = error.__context__
    ends = name in _CLOSES or (first is not None and ownership.pending is None)
    overlaps = ends and error.violation.kind == "overlap"
    if overlaps and runner is not None and ownership.may_take_from(runner, me):
        ownership.pending = partial(_close, end)
        ownership.take_from(name, me, runner)
        if ownership.runner is None:  # a thread's operation has ended meanwhile
            ownership.finish()
    elif name in _CLOSES:
        ownership.close_when_left(session)
    raise_or_note(error)


def raise_or_note(error: SharedSessionError) -> None:
    """Raise the refusal; where another exception is on its way, that one gets a note instead."""
    first = error.__context__
    if first is None:
        raise error
    first.add_note(f"session_guard: {error.violation}")


def _close(end: Callable[[], object]) -> None:
    try:
        end()
    except Exception as error:  # it is the end of another's session: not the runner's error
        _log.warning("a session could not be closed after a violation: %r", error)
