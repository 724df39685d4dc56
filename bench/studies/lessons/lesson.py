"""The lessons by name, their settings, and the functions that each lesson has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from bench.measure.worker_pool import WorkerPool
from bench.server.database import Database

if TYPE_CHECKING:
    from rich.console import RenderableType

LESSONS: Mapping[str, str] = {
    "session-per-task": "What happens when tasks share a session, a connection, an object, a pool?",
    "thinking-time": "When does the mistake raise, and when does it lose rows silently?",
    "one-engine": "What does an engine for every call cost, and when does the server refuse?",
    "cost-of-the-rule": "What does a session for every task cost, and what does sharing save?",
    "workshop-questions": "What needs an await, what loads by itself, what stays after a commit?",
}
"""Name -> the question that the lesson answers. The module has the same name, with underscores."""


@dataclass(frozen=True)
class LessonSetting:
    """The database of a lesson, the number of trials, and the other options."""

    database: Database
    worker_pool: WorkerPool
    trials: int
    driver: str = "asyncpg"
    guard: bool = False
    embedded: bool = True
    """Is this the embedded server? A lesson may use up all its connections."""
    chosen: tuple[str, ...] = ()
    """The names of the mistakes to run. Empty: all of them."""
    tell: Callable[["RenderableType"], None] = field(default=lambda _: None)
    """A function that gets each part of the output when it is ready."""


class Lesson(Protocol):
    """The interface of a lesson's module."""

    TRIALS: int
    """The default number of trials: as many as fit into a minute."""

    def measure(self, setting: LessonSetting) -> dict[str, Any]:
        """Return the results, which can be written as JSON. Passes each finished part to `tell`."""

    def conclude(self, found: Mapping[str, Any]) -> "RenderableType":
        """Return the table at the end. It needs only the results of `measure`."""


def lesson_named(name: str) -> Lesson:
    """Return the lesson's module. Imports SQLAlchemy. Raises `KeyError` for an unknown name."""
    if name not in LESSONS:
        raise KeyError(name)
    module: Any = import_module(f"bench.studies.lessons.{name.replace('-', '_')}")
    return module  # type: ignore[no-any-return]
