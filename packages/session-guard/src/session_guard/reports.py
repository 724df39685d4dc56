"""Reports of violations: they are recorded, and raised if the use can still be refused."""

import sys
from asyncio import Task
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import ref

from session_guard import actors, first_error, frames, task_tree, violation_log, where
from session_guard.actors import Actor
from session_guard.blocks import Closed
from session_guard.task_tree import Lineage
from session_guard.violation import Kind, SharedSessionError, Violation
from session_guard.where import Place


@dataclass(frozen=True, slots=True)
class Revocation:
    """A loan that was taken back: the borrower, the taker, the taker's operation and its place."""

    borrower: "ref[Task[Any]]"
    operation: str
    taken_by: "ref[Actor]"
    taken_by_name: str
    place: Place | str


class Stake(Protocol):
    """The part of an actor in the open transaction, which conflicts with another use.

    `holder`: the actor. `since`: the operation with which it began. `lineage`: the tasks that could
    have lent the session to it.
    """

    holder: Actor
    since: str
    lineage: Lineage


def revocation(borrower: Task[Any], operation: str, me: Actor) -> Revocation:
    """Return the record that the running task takes back what it has lent to the borrower."""
    place = where.nearest(frames.running(me, sys._getframe(1)))
    return Revocation(ref(borrower), operation, ref(me), actors.names(me)[0], place or where.here())


def refuse(kind: Kind, shared: str, operation: str, me: Actor, stake: Stake) -> None:
    """Record the violation and raise SharedSessionError, unless sharing is permitted."""
    if not violation_log.is_permitted():
        raise _error(_recorded(kind, shared, operation, me, stake, refused=True))


def report(kind: Kind, shared: str, operation: str, me: Actor, stake: Stake) -> None:
    """Record a violation that the guard has noticed too late to refuse it."""
    _recorded(kind, shared, operation, me, stake, refused=False)


def _recorded(
    kind: Kind, shared: str, operation: str, me: Actor, stake: Stake, *, refused: bool
) -> Violation:
    user, holder = actors.names(me, stake.holder)
    violation = Violation(
        kind=kind,
        shared=shared,
        operation=operation,
        user=user,
        at=where.here(),
        holder=holder,
        since=stake.since,
        holder_at=where.of(stake.holder, stake.lineage),
        refused=refused,
    )
    violation_log.record(violation)
    return violation


def refuse_borrower(shared: str, operation: str, me: Actor, taken: Revocation) -> None:
    """Refuse a task whose loan was taken back, unless sharing is permitted."""
    if violation_log.is_permitted():
        return
    taker = taken.taken_by()
    user, *others = actors.names(me, *([taker] if taker is not None else []))
    violation = Violation(
        kind="loan taken back",
        shared=shared,
        operation=operation,
        user=user,
        at=where.here(),
        holder=others[0] if others else taken.taken_by_name,
        since=taken.operation,
        holder_at=str(taken.place),
        refused=True,
    )
    violation_log.record(violation)
    raise _error(violation)


def is_used_after(closed: Closed, me: Actor) -> bool:
    """Return whether the session is used after its end: the end of its block, or of its maker.

    A function that made a session, and still runs, may close the session and use it again.
    """
    if closed.of_block:
        return True
    running = (frame.f_code for frame in frames.running(me, sys._getframe(1)))
    waiting = (
        code
        for task in task_tree.ancestors()
        if task is not me
        for _, code in frames.await_chain(task)
    )
    return closed.code not in running and closed.code not in waiting


def report_use_after_close(
    shared: str, operation: str, me: Actor, closed: Closed, *, refused: bool
) -> None:
    """Record that a session is used after its maker has closed it; raise if `refused`."""
    if violation_log.is_permitted():
        return
    place = str(Place(closed.code, closed.line))
    violation = Violation(
        kind="use after close",
        shared=shared,
        operation=operation,
        user=actors.names(me)[0],
        at=where.here(),
        holder=f"{closed.code.co_qualname if sys.version_info >= (3, 11) else ''}()",
        since="close",
        holder_at=place,
        refused=refused,
    )
    violation_log.record(violation)
    if refused:
        raise _error(violation)


def _error(violation: Violation) -> SharedSessionError:
    error = SharedSessionError(violation)
    # Python does not set it if the error is raised in a greenlet, or in a task that closes.
    error.__context__ = first_error.on_its_way()
    return error
