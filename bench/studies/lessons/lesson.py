"""The lessons by name, and what each of them is given and has to bring."""

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
    "thinking-time": "When is the mistake loud, and when does it lose rows without a word?",
    "one-engine": "What does an engine for every call cost, and when does the server refuse?",
    "cost-of-the-rule": "What does a session for every task cost, and what does sharing save?",
    "workshop-questions": "What needs an await, what loads by itself, what stays after a commit?",
}
"""Name -> the question that it answers by running it. The module has the name with underscores."""


@dataclass(frozen=True)
class LessonSetting:
    """Where and how often a lesson is to be run."""

    database: Database
    crew: WorkerPool
    trials: int
    driver: str = "asyncpg"
    guard: bool = False
    embedded: bool = True
    """Is it our own server, which may be brought to its limits?"""
    chosen: tuple[str, ...] = ()
    """Of the mistakes, these alone; all where empty."""
    tell: Callable[["RenderableType"], None] = field(default=lambda _: None)
    """Is given what there is to read, as it becomes known."""


class Lesson(Protocol):
    """What a lesson's module has."""

    TRIALS: int
    """As often as fits into a minute."""

    def measure(self, setting: LessonSetting) -> dict[str, Any]:
        """What was found, to be kept as JSON. Tells of each part as it is done."""

    def conclude(self, found: Mapping[str, Any]) -> "RenderableType":
        """The table at the end, from what was kept alone."""


def lesson_named(name: str) -> Lesson:
    """Imports it, and with it SQLAlchemy. Raises KeyError where there is none."""
    if name not in LESSONS:
        raise KeyError(name)
    module: Any = import_module(f"bench.studies.lessons.{name.replace('-', '_')}")
    return module  # type: ignore[no-any-return]
