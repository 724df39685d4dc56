"""Whose a session is: who uses it now, and who has something at stake in its transaction."""

from asyncio import Task
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from session_guard import ledger, where, who
from session_guard.violation import Kind, SharedSessionError, Violation
from session_guard.who import Lineage, Who

_MANY = 32
"""Tasks that a session remembers before it looks which of them are left."""


class Transactional(Protocol):
    """A Session, or a Connection."""

    def in_transaction(self) -> bool: ...


@dataclass(slots=True)
class Hold:
    """A stake in the open transaction: whose, since which operation, and who could have lent it."""

    holder: Who
    since: str
    lineage: Lineage


class Custody:
    """Who may use one session or connection.

    A second user is let in when nothing is at stake (no operation in flight, no transaction open).
    In an open transaction, when each of those who used it there has ended or is an ancestor of the
    newcomer: an ancestor lends, and what it lent comes back to it when the borrower ends. Between
    threads only an operation in flight counts: a pool's thread outlives its work.

    `strict`: the first user is the only one, until it hands over.
    """

    __slots__ = (
        "_depth", "_known", "_lineage", "_others", "_owner", "_runner", "_since",
        "_user", "operation", "shared", "strict",
    )  # fmt: skip

    def __init__(self, shared: str, *, strict: bool = False) -> None:
        me = who.current()
        lineage = who.enrol(me)
        self.shared, self.strict = shared, strict
        self._runner: Who | None = None
        """Whose operation is in flight."""
        self._depth = 0
        """Of the calls within it."""
        self.operation = ""
        self._user = None if strict else me
        """Who made it, then who used it last."""
        self._since = ""
        self._lineage = lineage
        # Who made it or used it: only they can have lent it.
        self._known = lineage[-1:]
        self._others: Sequence[Hold] = ()
        self._owner: Who | None = None

    def enter(self, operation: str, resource: Transactional) -> None:
        """Begin an operation; `leave` ends it.

        Raises SharedSessionError, with nothing touched, where it is another's.
        """
        me = who.current()
        # Asked and taken without a call in between: CPython changes threads at calls and loops.
        runner = self._runner
        if runner is None:
            self._runner = me
        elif runner is me or not self._taken_from_the_dead(operation, me, runner):
            self._depth += 1
            return
        user = self._user
        if me is not user:
            try:
                at_stake = user is not None and self._at_stake(resource)
                self._admit(operation, me, at_stake=at_stake)
            except BaseException:
                self._runner = None
                raise
        elif not self._since:
            self._since = operation
        self.operation = operation

    def leave(self) -> None:
        if self._depth:
            self._depth -= 1
        else:
            self._runner = None

    def abandon(self) -> None:
        """End the operation in flight, if there is one and it is the running task's own."""
        if self._runner is who.current():
            self._depth, self._runner = 0, None

    def check(self, operation: str, resource: Transactional) -> None:
        """As `enter` and `leave`: for an operation that is announced, and not called through us."""
        if who.current() is not self._user:
            self.enter(operation, resource)
            self.leave()

    def begun(self) -> None:
        """A transaction began, for whoever runs now: setting an attribute begins one, too."""
        if self._runner is None and (me := who.current()) is not self._user:
            self._admit("begin", me, at_stake=False)

    def ended(self, operation: str) -> None:
        """The transaction is over. One that another has ended, past `enter`, is only reported."""
        me = who.current()
        unasked = me is not self._user and not ledger.is_permitted()
        if unasked and (hold := self._in_the_way_of(me)):
            ledger.record(self._violation("interleaving", operation, me, hold, refused=False))
        if self._others:
            self._others = ()

    def hand_over(self, resource: Transactional) -> None:
        """Let go of it: whoever uses it next has it. Raises as `enter` does."""
        self.enter("hand_over", resource)
        self._user = self._owner = None
        self._others = ()
        self.leave()

    def _at_stake(self, resource: Transactional) -> bool:
        return resource.in_transaction()

    def _admit(self, operation: str, me: Who, *, at_stake: bool) -> None:
        if self.strict:
            self._admit_owner(operation, me)
        lineage = who.enrol(me)
        user, others = self._user, self._others
        if at_stake and user is not None:
            # First the most common: SQLAlchemy closes a session in a child of its user.
            if not others and len(lineage) > 1 and lineage[-2]() is user:
                self._others = (Hold(user, self._since, self._lineage),)
            else:
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

    def _admit_owner(self, operation: str, me: Who) -> None:
        if self._owner is None:
            self._owner = me
        elif me is not self._owner and not who.closes_for(me, self._owner):
            hold = Hold(self._owner, self.operation, ())
            self._refuse("second owner", operation, me, hold)

    def _in_the_way_of(self, me: Who) -> Hold | None:
        """A stake whose holder goes on, and is neither the newcomer nor its ancestor."""
        if not isinstance(me, Task):
            return None
        lenders = who.ancestors()
        for hold in self._holds():
            holder = self._heir(hold)
            if holder is not None and holder is not me and holder not in lenders:
                return replace(hold, holder=holder)
        return None

    def _heir(self, hold: Hold) -> Task[Any] | None:
        """The holder itself while it lives; then, or for a thread, the nearest that lent it."""
        if isinstance(hold.holder, Task) and not hold.holder.done():
            return hold.holder
        for each in reversed(hold.lineage):
            if each in self._known and (task := each()) and not task.done():
                return task
        return None

    def _taken_from_the_dead(self, operation: str, me: Who, runner: Who) -> bool:
        """True if who left an operation in flight has ended. Else it is refused, or permitted."""
        if who.alive(runner):
            self._refuse("overlap", operation, me, Hold(runner, self.operation, ()))
            return False
        self._depth, self._runner = 0, me
        return True

    def _refuse(self, kind: Kind, operation: str, me: Who, hold: Hold) -> None:
        if not ledger.is_permitted():
            violation = self._violation(kind, operation, me, hold, refused=True)
            ledger.record(violation)
            raise SharedSessionError(violation)

    def _violation(
        self, kind: Kind, operation: str, me: Who, hold: Hold, *, refused: bool
    ) -> Violation:
        return Violation(
            kind=kind,
            shared=self.shared,
            operation=operation,
            user=who.name(me),
            at=where.here(),
            holder=who.name(hold.holder),
            since=hold.since,
            holder_at=where.of(hold.holder),
            refused=refused,
        )
