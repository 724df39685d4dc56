"""Guarded transaction objects: their methods check the ownership of the session too."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy.orm import SessionTransaction

from session_guard import endings
from session_guard.violation import SharedSessionError

if TYPE_CHECKING:
    from session_guard.session import GuardedSession

Transaction = TypeVar("Transaction", bound=SessionTransaction | None)


def guarded_transaction(transaction: Transaction) -> Transaction:
    """Give a transaction a guarded class, and return it.

    This is done when the application gets the transaction, not when the transaction begins: the
    application never gets most transactions, so they need not pay for it.
    """
    if transaction is not None and type(transaction) is SessionTransaction:
        cast(SessionTransaction, transaction).__class__ = GuardedTransaction
    return transaction


class GuardedTransaction(SessionTransaction):
    """A transaction of a GuardedSession. Its methods check the ownership of the session."""

    session: "GuardedSession"

    def commit(self, *args: Any, **kwargs: Any) -> None:
        ownership = self.session.ownership
        entered = ownership.enter("commit", self.session)
        try:
            super().commit(*args, **kwargs)
        finally:
            if entered:
                ownership.leave()

    def rollback(self, *args: Any, **kwargs: Any) -> None:
        _end(self, "rollback", SessionTransaction.rollback, args, kwargs)

    def close(self, *args: Any, **kwargs: Any) -> None:
        _end(self, "close", SessionTransaction.close, args, kwargs)


def _end(
    transaction: GuardedTransaction,
    name: str,
    method: Callable[..., None],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    ownership = transaction.session.ownership
    try:
        entered = ownership.enter(name, transaction.session)
    except SharedSessionError as error:
        end = partial(method, transaction, *args, **kwargs)
        endings.after_refusal(transaction.session, end, name, error)
        return
    try:
        method(transaction, *args, **kwargs)
    finally:
        if entered:
            ownership.leave()
