"""The rule: who uses a session now, and who has something at stake in its transaction."""

from asyncio import Task
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import get_ident
from typing import Any, Protocol

from session_guard import acting, actors, reports, task_tree, violation_log
from session_guard.actors import Actor, current, loops, task_of
from session_guard.blocks import End, Made, closed_by_maker
from session_guard.loans import Hold, Loans
from session_guard.task_tree import known_lineage

_ENDS = ("close", "commit", "rollback")
"""The operations that leave nothing at stake."""

_CLEAN = ("close", "reset", "invalidate", "rollback", "expunge", "expunge_all", "hand_over")
"""The operations that do not open a closed session again."""


class Transactional(Protocol):
    """A Session, or a Connection."""

    def in_transaction(self) -> bool: ...


class Ownership(Loans):
    """Decides who may use one session or connection.

    A second user is let in when nothing is at stake: no operation in flight, no transaction open.
    In an open transaction it is let in when each of those who used it there has ended, is an
    ancestor of the newcomer, which lends it; or descends from the newcomer, which takes its loan
    back: the borrower is refused from then on. Between threads only an operation in flight counts,
    since a pool's thread outlives its work.

    `strict`: the first user is the only one, until it hands over.
    """

    __slots__ = (
        "_owner", "blocks", "end", "lineage", "loop", "made", "maker", "operation", "others",
        "pending", "runner", "since", "strict", "user",
    )  # fmt: skip

    def __init__(self, strict: bool = False, made: Made | None = None) -> None:
        """`made`: the instructions that make it; None where the guard does not see them."""
        # actors.current_in_loop, written out for all but the first call in a loop.
        thread = get_ident()
        seen = loops.get(thread)
        loop = seen() if seen else None
        if loop is not None and loop._thread_id == thread and (task := task_of(loop)):
            me: Actor = task
        else:
            me, loop = actors.current_in_loop()
        self.loop = loop
        """The event loop in which it was made, or NO_LOOP."""
        lineage = known_lineage()
        if not (lineage and lineage[-1]() is me):
            lineage = task_tree.enrol(me)
        # Loans.__init__, written out to save a call.
        self.on_revoke, self._revoked = None, ()
        self._known, self._handed_over = lineage[-1:], False
        self.strict = strict
        self.made, self.maker = made, None if made is None else me
        self.runner: Actor | None = None
        """The actor whose operation is in flight."""
        self.operation = ""
        self.pending: Callable[[], object] | None = None
        """The call to make as soon as the operation in flight has ended."""
        self.end: End | None = None
        """The place where its maker closed it; None after its next use, which may be reported."""
        self.blocks = 0
        """The number of blocks, such as `no_autoflush`, that are open now."""
        self.user = None if strict else me
        """The actor that made it, then the one that used it last."""
        self.since = ""
        """The first operation of the user; "" if it has only made it."""
        self.lineage = lineage
        """The tasks that could have lent it to the user."""
        self.others: Sequence[Hold] = ()
        """The parts of earlier users in the open transaction."""
        self._owner: Actor | None = None

    def enter(self, operation: str, resource: Transactional) -> bool:
        """Begin an operation that `leave` is to end; False where it is part of one in flight.

        Raises SharedSessionError, with nothing touched, where the resource is another's.
        """
        # The loop in which it was made is asked first (see `actors.current_in_loop`). Callers that
        # are on the path of every operation write it out, to save the call.
        me = (get_ident() == self.loop._thread_id and task_of(self.loop)) or current()
        return self.enter_as(me, operation, resource)

    def enter_as(self, me: Actor, operation: str, resource: Transactional) -> bool:
        """Do what `enter` does, for a caller that knows the running task or thread."""
        # Asked and taken without a call in between: CPython changes threads at calls and loops.
        runner = self.runner
        if runner is None:
            self.runner = me
        elif runner is me or not self._take_from_ended(operation, me, runner):
            return False
        if me is self.user:
            if not self.since:
                self.since = operation
        elif (
            operation not in _ENDS
            or self.strict
            or not (lineage := known_lineage())
            or self.user is None
            or lineage[-1]() is not self.user
        ):
            try:
                self._change_user(operation, me, resource)
            except BaseException:
                self.runner = None
                raise
        # Otherwise a new child of its user ends it, as SQLAlchemy does after an `async with`: it
        # stays the user's.
        self.operation = operation
        return True

    def leave(self) -> None:
        if self.pending is None:
            self.runner = None
        else:
            self.finish()

    def finish(self) -> None:
        """Do what was put off until the operation in flight had ended, as a part of it."""
        pending, self.pending = self.pending, None
        try:
            if pending is not None:
                pending()
        finally:
            self.runner = None

    def abandon(self) -> None:
        """End the operation in flight, if there is one and it is the running task's own."""
        if self.runner is not None and self.runner is actors.current():
            self.leave()

    def check(self, operation: str, resource: Transactional) -> None:
        """Do what `enter` and `leave` do, for an operation that SQLAlchemy only announces."""
        if self.enter(operation, resource):
            self.runner = None

    def begun(self) -> None:
        """Note that a transaction began: outside of an operation, when an attribute is set."""
        if (me := actors.current()) is not self.user:
            self._admit("begin", me, at_stake=False)

    def ended(self, operation: str) -> None:
        """Note that the transaction ended; report where another ended it without `enter`."""
        me = actors.current()
        asked = me is self.runner or me is self.user or task_tree.is_new_child_of(self.user)
        if not asked and not violation_log.is_permitted():
            in_the_way, lent = self._stakes_of_others(me)
            if in_the_way:
                reports.report("interleaving", self.shared, operation, me, in_the_way)
            else:
                self._take_back(operation, me, lent)
        self.forget()

    def forget(self) -> None:
        """Forget who used the transaction: nothing is at stake any more."""
        self.others = ()

    def hand_over(self, resource: Transactional) -> None:
        """Give it to the next task or thread that uses it. Raises SharedSessionError as `enter`."""
        entered = self.enter("hand_over", resource)
        self.user = self._owner = self.maker = None
        self.others = ()
        self._forget_loans()
        if entered:
            self.leave()

    def may_take_from(self, runner: Actor, me: Actor) -> bool:
        """Return whether `me` lent it to the runner, whose operation is in flight, or made it."""
        principal = acting.principal(me) if isinstance(me, Task) else me
        hold = self._in_flight(runner)
        lent = isinstance(runner, Task) and self._lent(principal, runner, hold.lineage)
        return lent or principal is self.maker

    def take_from(self, operation: str, me: Actor, runner: Actor) -> None:
        """Take the loan of the runner back, from its next operation on."""
        self._take_back(operation, me, [self._in_flight(runner)])

    def _in_flight(self, runner: Actor) -> Hold:
        return Hold(runner, self.operation, self.lineage if runner is self.user else ())

    def _at_stake(self, resource: Transactional) -> bool:
        return self.blocks > 0 or resource.in_transaction()

    def _change_user(self, operation: str, me: Actor, resource: Transactional) -> None:
        user = self.user
        opens = self.end is not None and operation not in _CLEAN
        if opens and self._revocation(task_tree.enrol(me)) is None:
            self._open_again(operation, me, resource)
        at_stake = user is not None and self._at_stake(resource)
        self._admit(operation, me, at_stake=at_stake)

    def _admit(self, operation: str, me: Actor, *, at_stake: bool) -> None:
        if self.strict:
            self._admit_owner(operation, me)
        lineage = task_tree.enrol(me)
        if self._revoked and not self._has_loan(operation, me, lineage, at_stake=at_stake):
            return
        user, others = self.user, self.others
        if at_stake and user is not None:
            in_the_way, lent = self._stakes_of_others(me)
            if in_the_way:
                reports.refuse("interleaving", self.shared, operation, me, in_the_way)
            self._take_back(operation, me, lent)
            self.others = [
                hold for hold in self._holds() if hold.holder is not me and hold not in lent
            ]
        elif others:
            self.others = ()
        self.user, self.since, self.lineage = me, operation, lineage
        self._remember(lineage)

    def _holds(self) -> list[Hold]:
        user = [Hold(self.user, self.since, self.lineage)] if self.user else []
        return [*self.others, *user]

    def _admit_owner(self, operation: str, me: Actor) -> None:
        if self._owner is None:
            self._owner = me
        elif self._owner not in (me, isinstance(me, Task) and acting.principal(me)):
            hold = Hold(self._owner, self.since, ())
            reports.refuse("second owner", self.shared, operation, me, hold)

    def _stakes_of_others(self, me: Actor) -> tuple[Hold | None, list[Hold]]:
        """Return a stake that refuses the newcomer, or those that it lent and may take back."""
        lent: list[Hold] = []
        if not isinstance(me, Task):
            return None, lent
        lenders = task_tree.ancestors()
        principal: Task[Any] | None = None
        for hold in self._holds():
            owner = self._current_owner(hold)
            if owner is None or owner is me or owner in lenders or acting.waits_for(owner, me):
                continue  # a task started with another context does not know its parent
            principal = principal or acting.principal(me)
            if not self._lent(principal, owner, hold.lineage):
                return replace(hold, holder=owner), lent
            lent.append(hold)
        return None, lent

    def _open_again(self, operation: str, me: Actor, resource: Transactional) -> bool:
        """Return whether it is used past its end, which is reported, or refused where strict."""
        closed = closed_by_maker(self.made or (), self.end) if self.end else None
        if not self.strict:
            self.end = None
        if closed is None or not reports.is_used_after(closed, me):
            return False
        reports.report_use_after_close(self.shared, operation, me, closed, refused=self.strict)
        return True

    def _take_from_ended(self, operation: str, me: Actor, runner: Actor) -> bool:
        """Take over from a runner that has ended, and return True. Otherwise refuse it."""
        if actors.alive(runner):
            reports.refuse("overlap", self.shared, operation, me, self._in_flight(runner))
            return False
        self.runner = me
        return True
