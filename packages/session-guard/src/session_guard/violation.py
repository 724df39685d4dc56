"""The violation that the guard has found, its text, and its exception."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy.exc import InvalidRequestError

Kind = Literal["overlap", "interleaving", "second owner", "loan taken back", "use after close"]

DOCUMENTATION = (
    "https://docs.sqlalchemy.org/en/20/orm/session_basics.html"
    "#is-the-session-thread-safe-is-asyncsession-safe-to-share-in-concurrent-tasks"
)
DOCUMENTATION_OF_CLOSING = (
    "https://docs.sqlalchemy.org/en/20/orm/session_basics.html#session-closing"
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
    """One use of a session or connection by a task or thread that may not use it.

    `kind`: "overlap", if an operation was in flight; "interleaving", if a transaction of another
    actor was open; "loan taken back", if an ancestor of the task had taken the session back; "use
    after close", if its maker had closed it; "second owner", in strict mode only.
    `shared`: "session" or "connection". `user` called the `operation`, at the place `at`. `holder`
    is the actor that had the session, `since` its operation of this name ("" if it had only opened
    the session), and it is now at `holder_at`. With "loan taken back" these three are the actor
    that took the session back, its operation and its place. With "use after close" they are the
    function that closed the session, "close", and its place. Places are `file:line`, in the user's
    code.
    `refused`: True if the operation did not take place, False if the guard only reports it.
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
        text = {"loan taken back": self._taken_back, "use after close": self._used_after}
        return text.get(self.kind, self._two_users)()

    def _two_users(self) -> str:
        verb = "refused" if self.refused else "seen too late to refuse"
        since = f"since {self.since}()" if self.since else "since it was opened"
        return (
            f"One {self.shared}, two users: {self._use} was {verb}.\n"
            f"It belongs to {self.holder}, {_WHY[self.kind]} ({since}), now at"
            f" {self.holder_at}.\n"
            f"{self._cure}"
        )

    def _taken_back(self) -> str:
        return (
            f"A {self.shared} that was lent and taken back: {self._use} was refused.\n"
            f"{_capital(self.holder)} lent it, and took it back with {self.since}() at"
            f" {self.holder_at}, while the transaction was open.\n"
            f"{self._cure}"
        )

    def _used_after(self) -> str:
        verb = "refused (strict)" if self.refused else "let pass, and reported"
        return (
            f"A {self.shared} used after its end: {self._use} was {verb}.\n"
            f"{self.holder} had closed it at {self.holder_at}. It opens itself again, and nobody"
            " returns its connection.\n"
            "Cure: open a session where it is used; `close_resets_only=False` of the sessionmaker"
            " has SQLAlchemy itself refuse it.\n"
            f"Background: {DOCUMENTATION_OF_CLOSING}"
        )

    @property
    def _use(self) -> str:
        return f"{self.operation}() by {self.user} at {self.at}"

    @property
    def _cure(self) -> str:
        return f"Cure: {_CURE[self.shared]}\nBackground: {DOCUMENTATION}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


class SharedSessionError(InvalidRequestError):
    """Raised in the second user before the session is changed. `violation` has the details."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(str(violation))
        self.violation = violation
