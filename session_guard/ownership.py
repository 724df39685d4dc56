"""Whose a session is: who uses it now, and who has something at stake in its transaction."""

from asyncio import Task, _get_running_loop, current_task
from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import current_thread
from typing import Any, Protocol

from session_guard import actors, violation_log, where
from session_guard.actors import Actor, Lineage
from session_guard.violation import Kind, SharedSessionError, Violation

_MANY = 32
"""Tasks that a session remembers before it looks which of them are left."""

_ENDS = ("close", "commit", "rollback")
"""Operations that leave nothing at stake."""


class Transactional(Protocol):
    """A Session, or a Connection."""

    def in_transaction(self) -> bool: ...


@dataclass(slots=True)
class Hold:
    """A stake in the open transaction: whose, since which operation, and who could have lent it."""

    holder: Actor
    since: str
    lineage: Lineage


class Ownership:
    """Actor may use one session or connection.

    A second user is let in when nothing is at stake (no operation in flight, no transaction open).
    In an open transaction, when each of those who used it there has ended or is an ancestor of the
    newcomer: an ancestor lends, and what it lent comes back to it when the borrower ends. Between
    threads only an operation in flight counts: a pool's thread outlives its work.

    `strict`: the first user is the only one, until it hands over.
    """

    __slots__ = (
        "_known", "_lineage", "_others", "_owner", "_since", "_user",
        "operation", "runner", "shared", "strict",
    )  # fmt: skip

    def __init__(self, shared: str, *, strict: bool = False) -> None:
        me = actors.current()
        lineage = actors.enrol(me)
        self.shared, self.strict = shared, strict
        self.runner: Actor | None = None
        """Whose operation is in flight."""
        self.operation = ""
        self._user = None if strict else me
        """Actor made it, then who used it last."""
        self._since = ""
        self._lineage = lineage
        # Actor made it or used it: only they can have lent it.
        self._known = lineage[-1:]
        self._others: Sequence[Hold] = ()
        self._owner: Actor | None = None

    def enter(self, operation: str, resource: Transactional) -> bool:
        """Begin an operation that `leave` is to end; False where it is part of one in flight.

        Raises SharedSessionError, with nothing touched, where it is another's.
        """
        # actors.current(), written out: without this call, and one of `leave`, the guard of a unit
        # of work costs a seventh less.
        loop = _get_running_loop()
        me = (loop and current_task(loop)) or current_thread()
        # Asked and taken without a call in between: CPython changes threads at calls and loops.
        runner = self.runner
        if runner is None:
            self.runner = me
        elif runner is me or not self._take_from_ended(operation, me, runner):
            return False
        user = self._user
        if me is user:
            if not self._since:
                self._since = operation
        elif self.strict or operation not in _ENDS or not actors.is_new_child_of(user):
            try:
                at_stake = user is not None and self._at_stake(resource)
                self._admit(operation, me, at_stake=at_stake)
            except BaseException:
                self.runner = None
                raise
        # Else it is ended for its user, as SQLAlchemy does after a `with`, and stays his.
        self.operation = operation
        return True

    def leave(self) -> None:
        self.runner = None

    def abandon(self) -> None:
        """End the operation in flight, if there is one and it is the running task's own."""
        if self.runner is not None and self.runner is actors.current():
            self.runner = None

    def check(self, operation: str, resource: Transactional) -> None:
        """As `enter` and `leave`: for an operation that is announced, and not called through us."""
        if self.enter(operation, resource):
            self.runner = None

    def begun(self) -> None:
        """A transaction began, maybe outside of any operation: setting an attribute begins one."""
        if (me := actors.current()) is not self._user:
            self._admit("begin", me, at_stake=False)

    def ended(self, operation: str) -> None:
        """The transaction is over. One that another has ended, past `enter`, is only reported."""
        me = actors.current()
        asked = me is self.runner or me is self._user or actors.is_new_child_of(self._user)
        unasked = not asked and not violation_log.is_permitted()
        if unasked and (hold := self._in_the_way_of(me)):
            violation_log.record(
                self._violation("interleaving", operation, me, hold, refused=False)
            )
        self.forget()

    def forget(self) -> None:
        """Nothing is at stake any more."""
        if self._others:
            self._others = ()

    def hand_over(self, resource: Transactional) -> None:
        """Let go of it: whoever uses it next has it. Raises as `enter` does."""
        entered = self.enter("hand_over", resource)
        self._user = self._owner = None
        self._others = ()
        if entered:
            self.leave()

    def _at_stake(self, resource: Transactional) -> bool:
        return resource.in_transaction()

    def _admit(self, operation: str, me: Actor, *, at_stake: bool) -> None:
        if self.strict:
            self._admit_owner(operation, me)
        lineage = actors.enrol(me)
        user, others = self._user, self._others
        if at_stake and user is not None:
            if hold := self._in_the_way_of(me):
                self._refuse("interleaving", operation, me, hold)
            self._others = [hold for hold in self._holds() if hold.holder is not me]
        elif others:
            self._others = ()
        self._user, self._since, self._lineage = me, operation, lineage
        itself = lineage[-1:]
        if itself and itself[0] not in self._known:
            self._known += itself
            if len(self._known) > _MANY:
                self._known = tuple(each for each in self._known if each())

    def _holds(self) -> list[Hold]:
        user = [Hold(self._user, self._since, self._lineage)] if self._user else []
        return [*self._others, *user]

    def _admit_owner(self, operation: str, me: Actor) -> None:
        if self._owner is None:
            self._owner = me
        elif me is not self._owner and not actors.closes_for(me, self._owner):
            hold = Hold(self._owner, self.operation, ())
            self._refuse("second owner", operation, me, hold)

    def _in_the_way_of(self, me: Actor) -> Hold | None:
        """A stake whose holder goes on, and is neither the newcomer nor its ancestor."""
        if not isinstance(me, Task):
            return None
        lenders = actors.ancestors()
        for hold in self._holds():
            holder = self._current_owner(hold)
            if holder is not None and holder is not me and holder not in lenders:
                return replace(hold, holder=holder)
        return None

    def _current_owner(self, hold: Hold) -> Task[Any] | None:
        """The holder itself while it lives; then, or for a thread, the nearest that lent it."""
        if isinstance(hold.holder, Task) and not hold.holder.done():
            return hold.holder
        for each in reversed(hold.lineage):
            if each in self._known and (task := each()) and not task.done():
                return task
        return None

    def _take_from_ended(self, operation: str, me: Actor, runner: Actor) -> bool:
        """True if who left an operation in flight has ended. Else it is refused, or permitted."""
        if actors.alive(runner):
            self._refuse("overlap", operation, me, Hold(runner, self.operation, ()))
            return False
        self.runner = me
        return True

    def _refuse(self, kind: Kind, operation: str, me: Actor, hold: Hold) -> None:
        if not violation_log.is_permitted():
            violation = self._violation(kind, operation, me, hold, refused=True)
            violation_log.record(violation)
            raise SharedSessionError(violation)

    def _violation(
        self, kind: Kind, operation: str, me: Actor, hold: Hold, *, refused: bool
    ) -> Violation:
        return Violation(
            kind=kind,
            shared=self.shared,
            operation=operation,
            user=actors.name(me),
            at=where.here(),
            holder=actors.name(hold.holder),
            since=hold.since,
            holder_at=where.of(hold.holder),
            refused=refused,
        )
