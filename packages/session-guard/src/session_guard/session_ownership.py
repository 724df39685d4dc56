"""The ownership of a session, and the return of a connection that no task gives back."""

from asyncio import Task, get_running_loop
from functools import partial
from logging import getLogger
from typing import Any
from weakref import ref

from sqlalchemy.orm import Session
from sqlalchemy.util.concurrency import greenlet_spawn

from session_guard.actors import Actor
from session_guard.ownership import Ownership, Transactional

_log = getLogger("session_guard")
_closing: set[Task[Any]] = set()
"""Tasks that close: the event loop itself keeps only weak references to tasks."""


class SessionOwnership(Ownership):
    """Decides who may use one session.

    What is left open after a violation is closed when the last task that may use it has ended.
    """

    __slots__ = ()
    shared = "session"

    def close_when_left(self, session: Session) -> None:
        """Close the session when its user, and each living task that lent it, has ended."""
        if isinstance(self.user, Task):
            watched = partial(self._close_after, ref(session), self.user)
            self.user.add_done_callback(watched)

    def _open_again(self, operation: str, me: Actor, resource: Transactional) -> bool:
        past_its_end = super()._open_again(operation, me, resource)
        if past_its_end and isinstance(me, Task) and isinstance(resource, Session):
            me.add_done_callback(partial(self._close_after, ref(resource), me))
        return past_its_end

    def _last_lender(self, actor: Actor) -> Task[Any] | None:
        """Return the nearest living task that may yet use what an actor has left open."""
        if actor is not self.user:
            return None
        lenders = [ref for ref in self.lineage if self.maker is None or ref in self._known]
        tasks = (lender() for lender in reversed(lenders))
        return next((task for task in tasks if task is not None and not task.done()), None)

    def _is_left_by(self, actor: Actor) -> bool:
        """Return whether the actor is the last that used it, and has no operation in flight."""
        return self.runner is None and self.user is actor

    def _close_after(self, known: "ref[Session]", user: Actor, _: object) -> None:
        session = known()
        if session is None or not session.in_transaction() or not self._is_left_by(user):
            return
        lender = self._last_lender(user)
        if lender is not None:
            lender.add_done_callback(partial(self._close_after, known, user))
            return
        task = get_running_loop().create_task(_close(session))
        _closing.add(task)
        task.add_done_callback(_closing.discard)


async def _close(session: Session) -> None:
    try:
        await greenlet_spawn(session.close)
    except Exception as error:  # it would be told to nobody
        _log.warning("a session could not be closed after a violation: %r", error)
