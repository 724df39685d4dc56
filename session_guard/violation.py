"""What the guard found, and how it says so."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy.exc import InvalidRequestError

Kind = Literal["overlap", "interleaving", "second owner"]

DOCUMENTATION = (
    "https://docs.sqlalchemy.org/en/20/orm/session_basics.html"
    "#is-the-session-thread-safe-is-asyncsession-safe-to-share-in-concurrent-tasks"
)

_WHY = {
    "overlap": "which has an operation in flight on it",
    "interleaving": "whose transaction is still open on it",
    "second owner": "which used it first (strict)",
}
_CURE = {
    "session": "give each task a session of its own, opened inside the task; "
    "or pass it on by name: hand_over(session).",
    "connection": "give each task a connection of its own, from the engine, inside the task; "
    "or pass it on by name: hand_over(connection).",
}


@dataclass(frozen=True)
class Violation:
    """One use of a session or connection by a second task or thread.

    `kind`: "overlap", while an operation was in flight; "interleaving", while a transaction of
    another was open; "second owner", in strict mode alone. `shared`: "session" or "connection".
    Places are `file:line` of the user's code. `refused`: True where the operation did not take
    place, False where the guard could only report it.
    """

    kind: Kind
    shared: str
    operation: str
    user: str
    at: str
    holder: str
    since: str
    holder_at: str
    refused: bool

    def __str__(self) -> str:
        verb = "refused" if self.refused else "seen too late to refuse"
        return (
            f"One {self.shared}, two users: {self.operation}() by {self.user} at {self.at}"
            f" was {verb}.\n"
            f"It belongs to {self.holder}, {_WHY[self.kind]} (since {self.since}()), now at"
            f" {self.holder_at}.\n"
            f"Cure: {_CURE[self.shared]}\n"
            f"Background: {DOCUMENTATION}"
        )


class SharedSessionError(InvalidRequestError):
    """Raised in the second user, before the session is touched. `violation` has the particulars."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(str(violation))
        self.violation = violation
