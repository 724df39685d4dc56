"""What the guard has found, and the words for it."""

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

    `kind`: "overlap", while an operation was in flight; "interleaving", while a transaction of
    another was open; "loan taken back", by a task whose ancestor has taken the session back;
    "use after close", after its maker had closed it; "second owner", in strict mode alone.
    `shared`: "session" or "connection". `user` did the `operation`, at the place `at`. `holder` had
    it, `since` its own operation of that name ("" where it had only opened it), and is at
    `holder_at`; with "loan taken back" that is who took it, with what, and where, and with "use
    after close" the function that closed it, and where. Places are `file:line` of the user's code.
    `refused`: True where the operation did not take place, False where the guard only reports it.
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
    """Raised in the second user, before the session is touched. `violation` has the particulars."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(str(violation))
        self.violation = violation
