"""The outcome of a trial, which follows from its evidence alone."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

# Parts of a message that differ between trials or machines, and carry no information.
_VARYING = re.compile(
    r"0x[0-9a-f]+|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b\d{4,}\b|(?<=')\d+(?=')|Task-\d+"
)
_FOLDERS = re.compile(r"(?<![\w.:/])/(?:[\w.@+-]+/)+")
_BRACKETED = re.compile(r"<[^<>]*>")  # a repr; that of a task names files of this machine
_LONGEST_MESSAGE = 160


class Outcome(StrEnum):
    """The outcome of a trial: the first of these that holds."""

    CRASHED = "crashed"
    """Its process died."""
    HUNG = "hung"
    """The trial was still running when the timeout ended."""
    CAUGHT = "caught"
    """The guard saw the mistake."""
    RAISED = "raised"
    """A task got an exception."""
    SILENT = "silently wrong"
    """No task got an exception, and an answer contradicts the tables."""
    SERIAL = "silently serial"
    """The answers are right, and at no time did two statements run together."""
    RIGHT = "right"


@dataclass(frozen=True)
class RaisedError:
    """An exception without the parts that differ between trials, so that it can be counted."""

    kind: str
    """The class, with the first part of its module: `sqlalchemy.InvalidRequestError`."""
    code: str | None
    """SQLAlchemy's code, as in https://docs.sqlalchemy.org/errors.html."""
    message: str

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """Return the class, code and message of the error.

        For a driver's error that SQLAlchemy wraps, return the driver's class and message.
        """
        origin = getattr(error, "orig", None)
        origin = getattr(origin, "__cause__", None) or origin or error
        words = " ".join(str(origin).split())
        while _BRACKETED.search(words):
            words = _BRACKETED.sub("...", words)
        words = _VARYING.sub("...", _FOLDERS.sub("", words))
        words = words.partition(" (Background on this error")[0]
        if len(words) > _LONGEST_MESSAGE:
            words = words[:_LONGEST_MESSAGE].rsplit(" ", 1)[0] + " ..."
        package = type(origin).__module__.partition(".")[0]
        name = type(origin).__name__
        kind = name if package == "builtins" else f"{package}.{name}"
        return cls(kind, getattr(error, "code", None), words)


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors of a group and of the groups in it. Yield any other error itself."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


@dataclass(frozen=True)
class Evidence:
    """The observations of one trial."""

    says: str
    """A sentence with the answers and the rows in the table."""
    agrees: bool
    """Do all answers agree with the tables?"""
    failures: tuple[RaisedError, ...] = ()
    at_once: int | None = None
    """The most statements that ran at one time, by the server's clock; None if it is not known."""
    tasks: int = 1
    crashed: bool = False
    hung: bool = False
    violations: int = 0
    """The number of violations that the guard recorded, whether the code caught them or not."""
    caught_late: bool = False
    """Was the mistake caught at the borrower's next use, after the lender took the session back?"""
    left_in_transaction: int = 0
    """Connections that were `idle in transaction` after all tasks had ended."""
    not_returned: int = 0
    """Connections that the pool still counted as checked out then."""
    elapsed_ns: int = 0


def classify(evidence: Evidence) -> Outcome:
    """Return the outcome that the evidence shows."""
    if evidence.crashed:
        return Outcome.CRASHED
    if evidence.violations:
        return Outcome.CAUGHT
    if evidence.hung:
        return Outcome.HUNG
    if evidence.failures:
        return Outcome.RAISED
    if not evidence.agrees:
        return Outcome.SILENT
    if evidence.at_once == 1 and evidence.tasks > 1:
        return Outcome.SERIAL
    return Outcome.RIGHT


def most_at_once(spans: Collection[tuple[float, float]]) -> int:
    """Return the largest number of spans (start, end) that overlap at one moment."""
    steps = [(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans]
    running = most = 0
    for _, step in sorted(steps):  # at the same moment, an end comes before a start
        running += step
        most = max(most, running)
    return most


def flatten(results: Iterable[Any]) -> tuple[list[Any], list[BaseException]]:
    """Split the results of a gather into answers and exceptions. None is not an answer."""
    answers: list[Any] = []
    errors: list[BaseException] = []
    for result in results:
        if isinstance(result, BaseException):
            errors += leaves(result)
        elif result is not None:
            answers.append(result)
    return answers, errors
