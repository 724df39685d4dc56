"""The first error: the exception that is on its way where the guard refuses what cleans up."""

import sys
from asyncio import Task

from sqlalchemy.util.concurrency import await_only, in_greenlet

from session_guard import acting, actors


def on_its_way() -> BaseException | None:
    """Return the exception that the running code cleans up after; None where there is none."""
    if handled := sys.exc_info()[1]:
        return handled
    me = actors.current()
    principal = acting.principal(me) if isinstance(me, Task) else me
    if principal is not me and isinstance(principal, Task):
        frame = acting.exit_frame(principal)
        return frame.f_locals.get("value") if frame else None
    if "greenlet" in sys.modules and in_greenlet():
        # A greenlet has exceptions of its own: those of its coroutine are seen from a coroutine.
        return await_only(_handled())
    return None


async def _handled() -> BaseException | None:
    return sys.exc_info()[1]
