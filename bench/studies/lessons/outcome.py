"""What became of a trial, told from evidence alone."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

# What differs from trial to trial, or from machine to machine, and says nothing.
_VARYING = re.compile(
    r"0x[0-9a-f]+|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b\d{4,}\b|(?<=')\d+(?=')|Task-\d+"
)
_FOLDERS = re.compile(r"(?<![\w.:/])/(?:[\w.@+-]+/)+")
_BRACKETED = re.compile(r"<[^<>]*>")  # a repr: of a task it names files of this machine
_LONGEST_MESSAGE = 160


class Outcome(StrEnum):
    """One word for a trial. The first of these that holds."""

    CRASHED = "crashed"
    """Its process died."""
    HUNG = "hung"
    """Whether it was still running when the timeout ended."""
    CAUGHT = "caught"
    """The guard saw it."""
    RAISED = "raised"
    """Somebody got an exception."""
    SILENT = "silently wrong"
    """No exception in any task, and what they were told is not what the data say."""
    SERIAL = "silently serial"
    """Right answers, one after the other: at no time did two statements run at once."""
    RIGHT = "right"


@dataclass(frozen=True)
class RaisedError:
    """An exception as it is counted: without what differs from trial to trial."""

    kind: str
    """The class, with its module's first part: `sqlalchemy.InvalidRequestError`."""
    code: str | None
    """SQLAlchemy's, as in https://docs.sqlalchemy.org/errors.html."""
    message: str

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """Of a wrapped driver's error, the driver's own class and words."""
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
    """The errors of a group, and of groups in it; of any other, itself."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


@dataclass(frozen=True)
class Evidence:
    """All that was seen of one trial."""

    says: str
    """What was told, and what the data say, in words."""
    agrees: bool
    """Is what everybody was told what the data say?"""
    failures: tuple[RaisedError, ...] = ()
    at_once: int | None = None
    """The most statements that ran at one time, by the server's clock; None where none tells."""
    tasks: int = 1
    crashed: bool = False
    hung: bool = False
    violations: int = 0
    """How many the guard recorded, raised or swallowed."""
    caught_late: bool = False
    """Was it caught at the borrower's next use, of what its lender had taken back?"""
    left_in_transaction: int = 0
    """Connections that stood `idle in transaction` when everybody was gone."""
    not_returned: int = 0
    """Connections that the pool still counted as given out then."""
    elapsed_ns: int = 0


def classify(evidence: Evidence) -> Outcome:
    """The outcome that the evidence shows."""
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
    """How many of the spans (start, end) had a moment in common, at most."""
    steps = [(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans]
    running = most = 0
    for _, step in sorted(steps):  # an end before a start of the same moment
        running += step
        most = max(most, running)
    return most


def flatten(told: Iterable[Any]) -> tuple[list[Any], list[BaseException]]:
    """What the tasks of a gather gave back: answers (None is none), and exceptions."""
    answers: list[Any] = []
    errors: list[BaseException] = []
    for one in told:
        if isinstance(one, BaseException):
            errors += leaves(one)
        elif one is not None:
            answers.append(one)
    return answers, errors
