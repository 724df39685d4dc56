"""The first error: the exception that is being handled when the guard refuses a clean-up."""

import gc
import sys
from asyncio import Task
from typing import Any

from sqlalchemy.util.concurrency import await_only, in_greenlet

from session_guard import acting, actors, frames


def on_its_way() -> BaseException | None:
    """Return the exception after which the running code cleans up; None if there is none."""
    if handled := sys.exc_info()[1]:
        return handled
    me = actors.current()
    principal = acting.principal(me) if isinstance(me, Task) else me
    if principal is not me and isinstance(principal, Task):
        frame = acting.exit_frame(principal)
        return frame.f_locals.get("value") if frame else _handled_by(principal)
    if "greenlet" in sys.modules and in_greenlet():
        # A greenlet has exceptions of its own. Only a coroutine sees those of its caller.
        return await_only(_handled())
    return None


def _handled_by(task: Task[Any]) -> BaseException | None:
    """Return the exception after which a suspended task cleans up, as in `shield(s.close())`."""
    # A coroutine holds a reference to the exception that it handles. No public name gives it.
    for awaited, _ in frames.await_chain(task):
        for referent in gc.get_referents(awaited):
            if isinstance(referent, BaseException) and referent.__traceback__ is not None:
                return referent
    return None


async def _handled() -> BaseException | None:
    return sys.exc_info()[1]
