"""Loans: a task lends its session or connection to tasks that it starts, and may take it back."""

from asyncio import Task
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from session_guard import reports, task_tree
from session_guard.actors import Actor
from session_guard.reports import Revocation
from session_guard.task_tree import Lineage

_MANY = 32
"""The number of tasks that a session remembers before it forgets those that have ended."""

_IDLE = ("close", "reset", "invalidate")
"""The operations that change nothing if no transaction is open."""


@dataclass(slots=True)
class Hold:
    """The part of one actor in the open transaction.

    `holder`: the actor. `since`: the operation with which it began. `lineage`: the tasks that could
    have lent the session to it.
    """

    holder: Actor
    since: str
    lineage: Lineage


class Loans:
    """The loans of one session or connection: the lenders, and the loans that were taken back."""

    __slots__ = ("_handed_over", "_known", "_revoked", "on_revoke")

    shared: ClassVar[str]
    """The name of what is shared: "session" or "connection"."""

    def __init__(self, lineage: Lineage) -> None:
        self.on_revoke: Callable[[], object] | None = None
        """Ends the effect of a block, such as `no_autoflush`, whose loan is taken back."""
        # The tasks that made or used it. Only they can have lent it.
        self._known = lineage[-1:]
        self._handed_over = False
        self._revoked: tuple[Revocation, ...] = ()

    def _remember(self, lineage: Lineage) -> None:
        itself = lineage[-1:]
        if itself and itself[0] not in self._known:
            self._known += itself
            if len(self._known) > _MANY:
                self._known = tuple(known for known in self._known if known())

    def _forget_loans(self) -> None:
        self._known, self._revoked, self._handed_over = (), (), True

    def _lent(self, lender: Actor, borrower: Task[Any], lineage: Lineage) -> bool:
        # A task that has handed it over has lent nothing to its children.
        has_it = not self._handed_over or any(known() is lender for known in self._known)
        return has_it and task_tree.descends_from(lineage, borrower, lender)

    def _current_owner(self, hold: Hold) -> Task[Any] | None:
        """Return the holder while it runs; after that, or for a thread, the nearest lender."""
        if isinstance(hold.holder, Task) and not hold.holder.done():
            return hold.holder
        for known in reversed(hold.lineage):
            if known in self._known and (task := known()) and not task.done():
                return task
        return None

    def _take_back(self, operation: str, me: Actor, lent: Sequence[Hold]) -> None:
        for hold in lent:
            owner = self._current_owner(hold)
            if owner is not None:
                taken = reports.revocation(owner, operation, me)
                self._revoked = (*self._revoked[-_MANY:], taken)
        if lent and self.on_revoke is not None:
            self.on_revoke()

    def _has_loan(self, operation: str, me: Actor, lineage: Lineage, *, at_stake: bool) -> bool:
        """Refuse a task whose loan was taken back. Return False if the call changes nothing."""
        revocation = self._revocation(lineage)
        if revocation is not None:
            if operation in _IDLE and not at_stake:
                return False
            reports.refuse_borrower(self.shared, operation, me, revocation)
        return True

    def _revocation(self, lineage: Lineage) -> Revocation | None:
        return next((taken for taken in self._revoked if taken.borrower in lineage), None)
